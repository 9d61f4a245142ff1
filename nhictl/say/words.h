/* SPDX-License-Identifier: ISC */
/*
 * A line of text as words, with the quotes of a shell and nothing else of it.
 */
#ifndef NHICTL_WORDS_H
#define NHICTL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Splits line at blanks, in place: words[from] and the following point into it, and NULL is last. '...' and "..." keep
 * blanks together; a backslash takes the next character as it is, except in '...'. count: the words, those before from
 * included. false: more than room words, or a quote that is not closed. */
bool words_split(char *line, char **words, size_t from, size_t room, size_t *count);

#endif
