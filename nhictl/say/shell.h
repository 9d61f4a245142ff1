/* SPDX-License-Identifier: ISC */
/*
 * Words in commands that a person will type.
 */
#ifndef NHICTL_SHELL_H
#define NHICTL_SHELL_H

/* Quotes a word for a shell, if necessary; allocated, the caller frees it. */
char *shell_quote(const char *word);

#endif
