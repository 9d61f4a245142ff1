/* SPDX-License-Identifier: ISC */
/*
 * The command of nhictl run.
 */
#ifndef NHICTL_RUN_COMMAND_H
#define NHICTL_RUN_COMMAND_H

#include "nhictl/run/run.h"

/* Becomes the account, in a session and process group of its own, and executes the command. askpass: ssh in it asks the
 * session keyring. Returns 0 and its pid, or an exit code after reporting what is wrong. */
int run_start(struct ctl *c, const struct passwd *pw, const struct run_terminal *t, bool askpass, pid_t *child);
/* Reaps every process that has ended, children of this process and orphans that came to it. true: the command is among
 * them, and *code is its exit status, 128 + N when signal N ended it. */
bool run_reap(pid_t child, int *code);
/* Ends what the command has left running: SIGTERM, then SIGKILL. false: a process did not end. */
bool run_end_rest(void);

#endif
