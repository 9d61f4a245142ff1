/* SPDX-License-Identifier: ISC */
/*
 * The terminal of nhictl run.
 */
#ifndef NHICTL_RUN_TERMINAL_H
#define NHICTL_RUN_TERMINAL_H

#include "nhictl/run/run.h"

/* Where one of the standard descriptors is a terminal, makes one for the command, of that account. The caller's is
 * read only where it is standard input and output and this process is in its foreground. false: errno says why. What
 * there is then, run_terminal_close closes, in any case. */
bool run_terminal_open(struct run_terminal *t, uid_t uid);
/* In the child, which leads a session: its standard descriptors. */
bool run_terminal_become(const struct run_terminal *t);
/* From here on what is typed goes to the command as it is, Ctrl-C too. */
void run_terminal_take(const struct run_terminal *t);
void run_terminal_resize(const struct run_terminal *t);
/* What to wait for, and how many that are. */
size_t run_terminal_poll(const struct run_terminal *t, struct pollfd fds[RUN_TERMINAL_FDS]);
/* Carries what there is, without waiting. */
void run_terminal_carry(struct run_terminal *t);
/* Whether it would read, once it is in the foreground again, of which nothing tells. */
bool run_terminal_is_held(const struct run_terminal *t);
/* Carries the rest, and gives the terminal back as it was. */
void run_terminal_close(struct run_terminal *t);

#endif
