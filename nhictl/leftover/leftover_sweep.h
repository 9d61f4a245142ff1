/* SPDX-License-Identifier: ISC */
/*
 * While no session of an agent is live, only processes that root started may run under its uid: finding and ending all
 * others. leftover_judge.h decides which they are.
 */
#ifndef NHICTL_LEFTOVER_SWEEP_H
#define NHICTL_LEFTOVER_SWEEP_H

#include <stddef.h>

#include "nhictl/leftover/leftover_idle.h"

struct ctl;

/* What is being ended, one for each account. Zeroed at first; release with leftovers_free. */
struct leftovers {
    struct leftover_wish wish;
    bool hurry;       /* for the supervisor: see leftovers_step */
    int64_t grace_ms; /* from the first signal to the one that kills */
    struct leaving *all;
    size_t count, room;
    size_t ended, stuck; /* processes */
    bool failed;         /* they could not be looked for */
    int64_t looked;      /* milliseconds, by the supervisor; 0: not yet */
};

/* One step of ending what was found, after looking for more if look is set. now: milliseconds of the monotonic clock.
 * l->grace_ms: between SIGTERM and SIGKILL. l->hurry, for the supervisor: it waits for no writer of the ledger, and
 * notes each time since when an account takes tickets only. Returns the milliseconds until the next step; -1: none is
 * needed. */
int leftovers_step(struct ctl *c, struct leftovers *l, int64_t now, bool look);
void leftovers_free(struct leftovers *l);
/* For a verb: looks once, and waits until they are gone. Shows in the answer how many there were, if any. Returns how
 * many are left. */
size_t leftovers_end(struct ctl *c, const struct leftover_wish *wish, int64_t grace);

#endif
