/* SPDX-License-Identifier: ISC */
/*
 * Changing single accounts of what is published, without writing the rest of it again.
 */
#ifndef NHI_SNAPSHOT_CHANGE_H
#define NHI_SNAPSHOT_CHANGE_H

#include "libnhi/snapshot/snapshot.h"

#define NHI_SNAPSHOT_CHANGES_MAX 64 /* at once: each is flushed by itself */

struct nhi_snapshot_change {
    struct nhi_account account;
    uint64_t stamp; /* what has this change and those before it; not 0 */
};

/* The stamp of the durable copy: of its newest change, or of the whole file. */
NHI_CHECK enum nhi_err nhi_snapshot_stamp(uint64_t *stamp);

/* Adds changes to both copies, whose stamp is from, in that order: an account that has new texts or groups, or one that
 * is new and has a uid above all others. A writer that is killed leaves some of the first of them. With none, only the
 * durable file gets a new time. Two writers must not do this at once, nor one while another publishes. After any error
 * the accounts have to be published whole: NHI_ERR_STATE, the copies are not the same, have no tail, or another stamp;
 * NHI_ERR_FULL, there is not enough room; NHI_ERR_ARG, such an account cannot be added; NHI_ERR_SYS, NHI_ERR_NOMEM and
 * what opening a snapshot fails with. */
NHI_CHECK enum nhi_err nhi_snapshot_change(uint64_t from, const struct nhi_snapshot_change *all, size_t count);

#endif
