/* SPDX-License-Identifier: ISC */
/*
 * Which of many words a mistyped one most likely stands for.
 */
#ifndef NHICTL_NEAREST_H
#define NHICTL_NEAREST_H

#include <stddef.h>

#define NEAREST_MAX 2
#define NEAREST_WORD_MAX 63

struct nearest {
    const char *typed;
    size_t edits; /* 0: it is the beginning of what was found */
    size_t count; /* of those found that are equally near; NEAREST_MAX are kept */
    char word[NEAREST_MAX][NEAREST_WORD_MAX + 1];
};

/* How many characters must be inserted, removed, changed or exchanged with the next to turn a into b. Words of more
 * than NEAREST_WORD_MAX characters are far from all others. */
size_t nearest_edits(const char *a, const char *b);

/* Begin with { .typed = WORD }, which outlives it, and offer each candidate. A word that begins with what was typed
 * comes before one that differs, and what differs in more than a fourth of the word is not near. */
void nearest_offer(struct nearest *n, const char *word);

#endif
