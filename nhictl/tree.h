/*
 * Process trees of nhictl run whose parent is gone: what they were given ends.
 */
#ifndef NHICTL_TREE_H
#define NHICTL_TREE_H

#include "libnhi/ledger.h"

/* With a writer, outside a transaction. Its failure is nobody's: the next command tries again, and
 * a ticket whose tree is gone opens nothing anyhow. */
void tree_sweep(struct nhi_ledger *l, int64_t now);

#endif
