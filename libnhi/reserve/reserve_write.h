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
/* The same in the reserve of the run directory, which is made if it does not exist, and lasts until the host is
 * restarted. */
NHI_CHECK enum nhi_err nhi_reserve_add_for_now(const char *run_dir, enum nhi_revoke_kind kind, const char *id,
                                               int64_t at);
/* Denies all agents. lasts: false if only the run directory could be written, so that it ends when the host is
 * restarted. The error is that of the state directory. */
NHI_CHECK enum nhi_err nhi_reserve_lock_down(const char *dir, const char *run_dir, bool *lasts);
/* Ends that, in both. */
NHI_CHECK enum nhi_err nhi_reserve_let_in(const char *dir, const char *run_dir);
/* Moves every slot of both into the ledger, then empties them; a lockdown in the run directory goes to the state
 * directory. Call outside a transaction. moved may be NULL. */
NHI_CHECK enum nhi_err nhi_reserve_drain(const char *dir, const char *run_dir, struct nhi_ledger *l, int64_t now,
                                         uint32_t *moved);

#endif
