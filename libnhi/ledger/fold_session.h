/* SPDX-License-Identifier: ISC */
/*
 * The ends of sessions become events, each exactly once, no matter which process notices first.
 */
#ifndef NHI_FOLD_SESSION_H
#define NHI_FOLD_SESSION_H

#include "libnhi/ledger/fold.h"

/* Records the end of each session that has ended: those with a file of their end, those without processes, and those
 * that the ledger has as open and this boot does not know. told: the number of ends that became events; may be NULL. */
NHI_CHECK enum nhi_err nhi_fold_sessions(const char *run_dir, struct nhi_ledger *l, int64_t now,
                                         bool (*goes_down)(void), uint32_t *told);

/* The same for those with a file of their end alone: sessions without processes are left to the supervisor. Sessions
 * that run are not looked at. */
NHI_CHECK enum nhi_err nhi_fold_session_ends(const char *run_dir, struct nhi_ledger *l, int64_t now,
                                             bool (*goes_down)(void), uint32_t *told);

#endif
