/* SPDX-License-Identifier: ISC */
/*
 * Tickets that are bound to a key.
 */
#ifndef NHI_LEDGER_BOUND_H
#define NHI_LEDGER_BOUND_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_ticket.h"

/* Every recorded ticket that is or was bound to key, for any host and in any state, newest first. fn: returns 0 to
 * continue. */
NHI_CHECK enum nhi_err nhi_ticket_each_bound(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN],
                                             int (*fn)(const struct nhi_ticket_row *, void *), void *ctx);

#endif
