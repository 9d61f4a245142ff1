/* SPDX-License-Identifier: ISC */
/*
 * Asking leftovers to end, and killing them.
 */
#ifndef NHICTL_LEFTOVER_SIGNAL_H
#define NHICTL_LEFTOVER_SIGNAL_H

#include "nhictl/leftover/leftover_gather.h"
#include "nhictl/leftover/leftover_idle.h"
#include "nhictl/process/procs.h"

/* SIGTERM to those of an account that the wish ends, after a second look at each. The account's own manager is stopped,
 * which ends what it runs, and the account lingers no more. */
void leftover_ask(struct leftover_look *k, const struct leftover_account *a, const struct leftover_wish *wish,
                  const struct members *m);
/* The same at the end of an agent's last session, whose uid it is. */
void leftover_ask_agents(uint32_t uid, const struct members *m);
/* Kills what the wish ends of an account, as it is found, until no more is found. */
void leftover_kill(const struct leftover_account *a, const struct leftover_wish *wish);

#endif
