/* SPDX-License-Identifier: ISC */
/*
 * Words in commands that a person will type.
 */
#ifndef NHICTL_SHELL_H
#define NHICTL_SHELL_H

/* A word as a shell takes it for that word: new, the caller's to free. */
char *shell_quote(const char *word);

#endif
