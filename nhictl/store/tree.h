/* SPDX-License-Identifier: ISC */
/*
 * Process trees of nhictl run whose parent was killed: their tickets and tasks end.
 */
#ifndef NHICTL_TREE_H
#define NHICTL_TREE_H

#include "libnhi/ledger/ledger.h"

/* Call it with a writer, outside a transaction. It reports no failure: the next command tries again, and a ticket whose
 * tree has gone opens nothing anyway. */
void tree_sweep(struct nhi_ledger *l, int64_t now);
/* The same within a transaction, for a caller that needs it done: the task of a tree that has gone must not block a new
 * one. */
NHI_CHECK enum nhi_err tree_end_gone(struct nhi_ledger *l, int64_t now);

#endif
