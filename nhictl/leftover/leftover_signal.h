/* SPDX-License-Identifier: ISC */
/*
 * Asking leftovers to end, and killing them.
 */
#ifndef NHICTL_LEFTOVER_SIGNAL_H
#define NHICTL_LEFTOVER_SIGNAL_H

#include "nhictl/leftover/leftover_gather.h"
#include "nhictl/leftover/leftover_idle.h"
#include "nhictl/process/procs.h"

/* Sends SIGTERM to those processes of an account that the wish ends, after a second look at each. Stops the account's
 * own manager, which ends what it runs, and the account's lingering. */
void leftover_ask(struct leftover_look *k, const struct leftover_account *a, const struct leftover_wish *wish,
                  const struct members *m);
/* The same at the end of the last session of the agent with that uid. */
void leftover_ask_agents(uint32_t uid, const struct members *m);
/* Kills the processes of an account that the wish ends, until no more are found. */
void leftover_kill(const struct leftover_account *a, const struct leftover_wish *wish);

#endif
