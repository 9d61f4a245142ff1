/* SPDX-License-Identifier: ISC */
/*
 * A copy of the ledger, and the ledger after a restore from one.
 *
 * The copy is one SQLite database without a log beside it. It has only the public halves of keys.
 *
 * Restoring changes the existing ledger in one transaction. What only the copy has comes back; what only the ledger has
 * stays, and is ended; what has ended in either stays ended; and every ticket belongs to an earlier epoch. If the
 * ledger is lost, or has lost part of its past, nobody knows what was ended after the copy was made: then agents come
 * back suspended, tasks closed, and keys of other issuers retired.
 */
#ifndef NHI_RESTORE_H
#define NHI_RESTORE_H

#include "libnhi/ledger/ledger.h"

/* How the trail of the copy and that of the ledger relate. */
enum nhi_trails {
    NHI_TRAIL_EMPTY,    /* the ledger's is empty */
    NHI_TRAIL_ON,       /* the ledger's continues where the copy's ends, or where an earlier restore put it back */
    NHI_TRAIL_BEHIND,   /* the copy's continues where the ledger's ends: the ledger has lost events */
    NHI_TRAIL_DIVERGED, /* each has events that the other does not have */
};

struct nhi_restore {
    enum nhi_trails trails;
    bool lossy;            /* what was ended after the copy was made is not known */
    bool strange;          /* the ledger does not belong to this machine, and will not afterwards */
    uint32_t next_uid;     /* no agent gets a lower one; 0: only the two ledgers count */
    int64_t epoch, latest; /* the same for these */
};

#endif
