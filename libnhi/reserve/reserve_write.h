/* SPDX-License-Identifier: ISC */
/*
 * Writing the reserve.
 */
#ifndef NHI_RESERVE_WRITE_H
#define NHI_RESERVE_WRITE_H

#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/reserve/reserve.h"

/* dir: the state directory. */
NHI_CHECK enum nhi_err nhi_reserve_create(const char *dir);
/* NHI_ERR_FULL: every slot is taken. Repeating the same kind and id changes nothing, except that the moment up to which
 * an agent is revoked moves forward. */
NHI_CHECK enum nhi_err nhi_reserve_add(const char *dir, enum nhi_revoke_kind kind, const char *id, int64_t at);
/* Denies all agents, or ends that. */
NHI_CHECK enum nhi_err nhi_reserve_lock_down(const char *dir, bool on);
/* Moves every slot into the ledger, then empties it. Call outside a transaction. moved may be NULL. */
NHI_CHECK enum nhi_err nhi_reserve_drain(const char *dir, struct nhi_ledger *l, int64_t now, uint32_t *moved);

#endif
