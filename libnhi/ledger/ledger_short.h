/* SPDX-License-Identifier: ISC */
/*
 * Tickets by the beginning of their IDs.
 */
#ifndef NHI_LEDGER_SHORT_H
#define NHI_LEDGER_SHORT_H

#include "libnhi/base/names.h"
#include "libnhi/ledger/ledger.h"

/* Fewer characters could be a typing error that happens to be the beginning of some ID. */
#define NHI_JTI_SHORT_MIN 6

/* The only ticket, live or not, whose ID begins with what was typed. NHI_ERR_NOT_FOUND: there is none, or it is too
 * short; NHI_ERR_EXISTS: there are several. jti is set only on success. */
NHI_CHECK enum nhi_err nhi_ticket_by_short(struct nhi_ledger *l, const char *typed, char jti[NHI_JTI_LEN + 1]);

#endif
