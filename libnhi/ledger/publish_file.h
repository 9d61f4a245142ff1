/* SPDX-License-Identifier: ISC */
/*
 * Private to the ledger: making the files that are published.
 */
#ifndef NHI_PUBLISH_FILE_H
#define NHI_PUBLISH_FILE_H

#include "libnhi/ledger/change.h"
#include "libnhi/state/state_write.h"

/* dir: NHI_STATE_DIR; run_dir: NHI_RUN_DIR. wait_ms: for other writers. */
struct nhi_publish_at {
    const char *dir, *run_dir;
    int wait_ms;
};

/* Prepares a file of everything, as the open transaction sees it. of: what it changes, if these are single facts and
 * what is published has all before it; NULL: from the ledger alone. */
NHI_CHECK enum nhi_err nhi_publish_prepare(struct nhi_ledger *l, const struct nhi_publish_at *at,
                                           struct nhi_state_writer *w, int64_t generation,
                                           const struct nhi_changes *of);
/* As nhi_ledger_refresh. anew: from the ledger, not from what is published. */
NHI_CHECK enum nhi_err nhi_publish_beside(struct nhi_ledger *l, const struct nhi_publish_at *at, bool anew);
/* Keeps which keys and accounts of agents these changes add, on the disk. */
NHI_CHECK enum nhi_err nhi_publish_bound(struct nhi_ledger *l, const struct nhi_publish_at *at,
                                         const struct nhi_changes *c);

#endif
