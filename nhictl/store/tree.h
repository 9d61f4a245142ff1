/* SPDX-License-Identifier: ISC */
/*
 * Process trees of nhictl run whose parent was killed: their tickets and tasks end.
 */
#ifndef NHICTL_TREE_H
#define NHICTL_TREE_H

#include "libnhi/ledger/ledger.h"

/* With a writer, outside a transaction. Its failure is nobody's: the next command tries again, and
 * a ticket whose tree is gone opens nothing anyhow. */
void tree_sweep(struct nhi_ledger *l, int64_t now);
/* The same within a transaction, for who needs it done: a task of one that is gone must be in nobody's way. */
NHI_CHECK enum nhi_err tree_end_gone(struct nhi_ledger *l, int64_t now);

#endif
