/* SPDX-License-Identifier: ISC */
/*
 * Refusals without records of their own become events: who, why, how often, from when to when.
 */
#ifndef NHI_FOLD_REFUSED_H
#define NHI_FOLD_REFUSED_H

#include "libnhi/ledger/fold.h"

/* Makes events of refusals that have no record of their own: refused.h. told: the number of new events; may be NULL. */
NHI_CHECK enum nhi_err nhi_fold_refused(const char *run_dir, struct nhi_ledger *l, int64_t now, uint32_t *told);

#endif
