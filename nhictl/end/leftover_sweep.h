/* SPDX-License-Identifier: ISC */
/*
 * Looking for processes of agents that have no live session, and ending them.
 */
#ifndef NHICTL_LEFTOVER_SWEEP_H
#define NHICTL_LEFTOVER_SWEEP_H

#include "nhictl/end/leftover.h"

/* One step of ending what was found, after looking for more if look is said. now: milliseconds of the monotonic clock.
 * l->grace_ms: between SIGTERM and SIGKILL. l->hurry, for the supervisor: it waits for no writer of the ledger, and
 * notes each time since when an account takes tickets only. Returns the milliseconds until the next step; -1: none is
 * needed. */
int leftovers_step(struct ctl *c, struct leftovers *l, int64_t now, bool look);
void leftovers_free(struct leftovers *l);
/* For a verb: looks once, and waits until they are gone. Says in the answer how many were, where there were any.
 * Returns how many are left. */
size_t leftovers_end(struct ctl *c, const struct leftover_wish *wish, int64_t grace);
NHI_CHECK enum nhi_err leftovers_each(const char *account, int (*fn)(const struct leftover_one *, void *), void *ctx);
/* For the end of an agent's last session, whose uid it is: its processes that are to end, and whether one is. */
NHI_CHECK enum nhi_err leftover_members(struct members *m, uint32_t uid);
bool leftover_is_prey(pid_t pid, uint32_t uid);
/* SIGTERM, after a second look at each; what the account's manager runs is stopped by that, and it lingers no more. */
void leftover_ask(uint32_t uid, const struct members *m);
/* What of this host's would run containers, whose processes go by uids of the host. NULL: nothing known. */
const char *leftover_runtime(void);

#endif
