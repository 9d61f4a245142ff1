/* SPDX-License-Identifier: ISC */
/*
 * The ends of sessions become events, each exactly once, no matter which process notices first.
 */
#ifndef NHI_FOLD_SESSION_H
#define NHI_FOLD_SESSION_H

#include "libnhi/ledger/fold.h"

/* Records each session that has ended: what has a file of its end, what nobody is inside of any more, and what the
 * ledger has open and this boot does not know. told: how many ends became events; may be NULL. */
NHI_CHECK enum nhi_err nhi_fold_sessions(const char *run_dir, struct nhi_ledger *l, int64_t now,
                                         bool (*goes_down)(void), uint32_t *told);

#endif
