/* SPDX-License-Identifier: ISC */
/*
 * Restoring the ledger from a backup, in steps.
 */
#ifndef NHICTL_RESTORE_H
#define NHICTL_RESTORE_H

#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/restore.h"
#include "nhictl/store/store.h"

struct restoring {
    struct nhi_ledger *copy;
    struct nhi_settings copied;
    struct nhi_head head, had; /* of the trails: of the copy, of the ledger before */
    struct nhi_restore how;
    enum nhi_fit fit;  /* of the ledger before */
    bool lost;         /* there was no ledger that could be used */
    bool none;         /* not even a damaged one, nor one without agents */
    const char *aside; /* how the name begins that what was there has now; NULL: it has its own */
    struct nhi_issuer made;
};

#endif
