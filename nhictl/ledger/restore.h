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
    struct nhi_head head, had; /* of the trails: the copy's, and the earlier ledger's */
    struct nhi_restore how;
    enum nhi_fit fit;  /* of the earlier ledger */
    bool lost;         /* no usable ledger existed */
    bool none;         /* not even a damaged ledger or one without agents existed */
    const char *aside; /* beginning of the name that the earlier ledger has now; NULL: it has its own */
    struct nhi_issuer made;
};

#endif
