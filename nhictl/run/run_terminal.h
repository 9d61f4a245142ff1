/* SPDX-License-Identifier: ISC */
/*
 * The terminal of nhictl run.
 */
#ifndef NHICTL_RUN_TERMINAL_H
#define NHICTL_RUN_TERMINAL_H

#include "nhictl/run/run.h"

/* If one of the standard descriptors is a terminal, makes one for the command, which belongs to that account. The
 * caller's is read only if it is standard input and output and this process is in its foreground. false: errno says
 * why. run_terminal_close closes everything in any case. */
bool run_terminal_open(struct run_terminal *t, uid_t uid);
/* In the child, which leads a session: makes them its standard descriptors. */
bool run_terminal_become(const struct run_terminal *t);
/* From now on, typed input goes to the command unchanged, Ctrl-C too. */
void run_terminal_take(const struct run_terminal *t);
void run_terminal_resize(const struct run_terminal *t);
/* What to poll, and how many descriptors that are. */
size_t run_terminal_poll(const struct run_terminal *t, struct pollfd fds[RUN_TERMINAL_FDS]);
/* Copies what is ready, without waiting. */
void run_terminal_carry(struct run_terminal *t);
/* Whether it would read once it is in the foreground again, which nothing reports. */
bool run_terminal_is_held(const struct run_terminal *t);
/* Copies the rest, and restores the terminal. */
void run_terminal_close(struct run_terminal *t);

#endif
