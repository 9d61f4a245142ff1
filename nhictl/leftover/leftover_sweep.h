/* SPDX-License-Identifier: ISC */
/*
 * While no session of an agent is live, only processes that root started may run under its uid: finding and ending all
 * others. leftover_judge.h decides which are to end.
 */
#ifndef NHICTL_LEFTOVER_SWEEP_H
#define NHICTL_LEFTOVER_SWEEP_H

#include <stddef.h>

#include "nhictl/leftover/leftover_idle.h"

struct ctl;

/* The leftovers that are being ended, one entry for each account. Zeroed at first; release with leftovers_free. */
struct leftovers {
    struct leftover_wish wish;
    bool hurry;       /* for the supervisor: see leftovers_step */
    int64_t grace_ms; /* from SIGTERM to SIGKILL */
    struct leaving *all;
    size_t count, room;
    size_t ended, stuck; /* processes */
    bool failed;         /* they could not be looked for */
    int64_t looked;      /* when the supervisor looked last, in milliseconds; 0: not yet */
};

/* Takes one step towards ending the processes that were found, after looking for more if look is set. now: milliseconds
 * of the monotonic clock. l->grace_ms: between SIGTERM and SIGKILL. l->hurry, for the supervisor: does not wait for
 * another writer of the ledger, and records each time since when an account takes tickets only. Returns the
 * milliseconds until the next step; -1: none is needed. */
int leftovers_step(struct ctl *c, struct leftovers *l, int64_t now, bool look);
void leftovers_free(struct leftovers *l);
/* For a verb: looks once, and waits until they have gone. Adds their number to the answer, if there were any. Returns
 * how many are left. */
size_t leftovers_end(struct ctl *c, const struct leftover_wish *wish, int64_t grace);

#endif
