/* SPDX-License-Identifier: ISC */
/*
 * Folding: grant records, ends of sessions and refusals become events of the ledger, each exactly once.
 */
#ifndef NHI_FOLD_H
#define NHI_FOLD_H

#include "libnhi/ledger/ledger.h"

/* Folds the records in the grants directory of dir, a bounded number in one transaction, then removes those that are no
 * longer needed: an index stays while a process of its transaction lives, a counted slot until its ticket can no longer
 * be used. A record that cannot be read is left in place and counted in bad. */
struct nhi_fold_result {
    uint32_t folded, removed, bad;
};
NHI_CHECK enum nhi_err nhi_fold(const char *dir, struct nhi_ledger *l, int64_t now, struct nhi_fold_result *out);

/* When the last grant of the task was given, among the grants that are still records; 0: no such record. */
NHI_CHECK enum nhi_err nhi_fold_last_use(const char *dir, const char *task, int64_t *at);

#endif
