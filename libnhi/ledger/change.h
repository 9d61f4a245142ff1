/* SPDX-License-Identifier: ISC */
/*
 * Which facts a transaction changes, and which of these changes may take access away.
 */
#ifndef NHI_CHANGE_H
#define NHI_CHANGE_H

#include <stdbool.h>

#include "libnhi/ledger/ledger.h"
#include "libnhi/state/state.h"

/* One record that a transaction adds to the state. */
struct nhi_change {
    struct nhi_fact_key key;
    bool ends;   /* it may take access away */
    bool stands; /* if it ends something: it is not held first, but the same before the commit and after */
    uint8_t *value;
    size_t len;
};

struct nhi_changes {
    struct nhi_change *all;
    size_t count, room;
    bool whole; /* more than single facts */
    bool any;   /* the open transaction has changed some */
};

/* From now on the ledger collects which facts each transaction changes, until nhi_changes_forget. Call it outside a
 * transaction. */
NHI_CHECK enum nhi_err nhi_changes_watch(struct nhi_ledger *l);
/* Sets any. */
NHI_CHECK enum nhi_err nhi_changes_any(struct nhi_ledger *l, struct nhi_changes *c);
/* The records of these, compared with what was published; seen NULL: nothing. */
NHI_CHECK enum nhi_err nhi_changes_collect(struct nhi_ledger *l, struct nhi_state *seen, struct nhi_changes *c);
/* Facts of that kind are never taken back. */
bool nhi_change_lasts(uint8_t kind);
/* Frees what was collected, and begins anew. */
void nhi_changes_forget(struct nhi_ledger *l, struct nhi_changes *c);
void nhi_changes_free(struct nhi_changes *c);

#endif
