/* SPDX-License-Identifier: ISC */
/*
 * A copy of the ledger, and the ledger after a restore from one.
 *
 * The copy is one SQLite database without a log beside it. It has only the public halves of keys.
 *
 * Restoring changes the ledger that is there, in one transaction: what the copy has and the ledger has not comes back;
 * what the ledger has and the copy has not stays, and is ended; what either of the two has ended stays so; and every
 * ticket is of an epoch that is over. Where the ledger is lost, or has lost some of its past, nobody knows what was
 * ended since the copy was made: then agents come back suspended, tasks closed, and keys of others retired.
 */
#ifndef NHI_RESTORE_H
#define NHI_RESTORE_H

#include "libnhi/ledger/ledger.h"

/* How the trail of the copy and that of the ledger belong together. */
enum nhi_trails {
    NHI_TRAIL_EMPTY,    /* the ledger has none */
    NHI_TRAIL_ON,       /* the ledger's goes on where the copy's ends, or where that was put back before */
    NHI_TRAIL_BEHIND,   /* the copy's goes on where the ledger's ends: the ledger has lost some */
    NHI_TRAIL_DIVERGED, /* there are events in each that the other does not have */
};

struct nhi_restore {
    enum nhi_trails trails;
    bool lossy;            /* what was ended since the copy is not known */
    bool strange;          /* the ledger does not belong to this machine, and will not */
    uint32_t next_uid;     /* no agent gets a lower one; 0: no more is known than the two ledgers say */
    int64_t epoch, latest; /* the same of these */
};

#endif
