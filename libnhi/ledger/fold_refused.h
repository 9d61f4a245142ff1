/* SPDX-License-Identifier: ISC */
/*
 * Refusals without a record of their own become events: who, why, how often, from when to when.
 */
#ifndef NHI_FOLD_REFUSED_H
#define NHI_FOLD_REFUSED_H

#include "libnhi/ledger/fold.h"

/* Tells of what was refused without a record of its own: refused.h. told: how many events that made; may be NULL. */
NHI_CHECK enum nhi_err nhi_fold_refused(const char *run_dir, struct nhi_ledger *l, int64_t now, uint32_t *told);

#endif
