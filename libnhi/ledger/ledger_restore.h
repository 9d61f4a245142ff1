/* SPDX-License-Identifier: ISC */
/*
 * Restoring the ledger from a backup.
 */
#ifndef NHI_LEDGER_RESTORE_H
#define NHI_LEDGER_RESTORE_H

#include "libnhi/ledger/restore.h"

NHI_CHECK enum nhi_err nhi_restore_trails(struct nhi_ledger *l, enum nhi_trails *out);
/* NHI_ERR_EXISTS: a name, uid or key belongs to different things in the two: it is a copy of another ledger. */
NHI_CHECK enum nhi_err nhi_restore_check(struct nhi_ledger *l);
/* Call it in an open transaction. */
NHI_CHECK enum nhi_err nhi_restore_run(struct nhi_ledger *l, const struct nhi_restore *r, int64_t now);
/* Ends all existing tickets and open tasks, and gives the ledger to this machine under that name. Call it in an open
 * transaction. */
NHI_CHECK enum nhi_err nhi_ledger_take_over(struct nhi_ledger *l, const char *host, int64_t now);

#endif
