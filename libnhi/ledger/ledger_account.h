/* SPDX-License-Identifier: ISC */
/*
 * What the snapshot of accounts is made from. Triggers note in account_change which account a transaction adds or
 * changes, each time with a random number, so that a snapshot which has such a number is known to have the accounts of
 * this ledger up to that change, and not those of a copy of the ledger that went another way. It keeps the newest 65.
 */
#ifndef NHI_LEDGER_ACCOUNT_H
#define NHI_LEDGER_ACCOUNT_H

#include "libnhi/ledger/ledger.h"

typedef int nhi_account_fn(const struct nhi_account *a, enum nhi_agent_state state, void *ctx);

/* Each callback returns 0 to continue. In ascending order of uid; much less work than nhi_agent_each. */
NHI_CHECK enum nhi_err nhi_account_each(struct nhi_ledger *l, nhi_account_fn *fn, void *ctx);

/* The number of the newest change; 0: there was none yet. */
NHI_CHECK enum nhi_err nhi_account_newest(struct nhi_ledger *l, int64_t *number);

/* A change: its number, and the uid of the account. */
struct nhi_account_change {
    int64_t number;
    uint32_t uid;
};
/* The changes after the one with that number, of which the lowest two bits do not count, in their order, at most max.
 * NHI_ERR_NOT_FOUND: this ledger does not know such a change, or no longer. NHI_ERR_FULL: there are more. */
NHI_CHECK enum nhi_err nhi_account_changes(struct nhi_ledger *l, int64_t number, struct nhi_account_change *out,
                                           size_t max, size_t *count);
NHI_CHECK enum nhi_err nhi_account_get(struct nhi_ledger *l, uint32_t uid, struct nhi_account *out,
                                       enum nhi_agent_state *state);

#endif
