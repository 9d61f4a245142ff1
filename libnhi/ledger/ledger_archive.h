/* SPDX-License-Identifier: ISC */
/*
 * The boundary between archived events and those in the ledger.
 */
#ifndef NHI_LEDGER_ARCHIVE_H
#define NHI_LEDGER_ARCHIVE_H

#include "libnhi/ledger/ledger.h"

/* The last event of those at the beginning of the trail that are all older than a moment. until: 0: none is. */
NHI_CHECK enum nhi_err nhi_archive_cut(struct nhi_ledger *l, int64_t before, int64_t *until);
/* Removes the events up to that number in the open transaction; its hash must be this one. They are in a file that was
 * verified. The ledger remembers both, and also which of the records that are still in dir were folded. NHI_ERR_STATE:
 * that event does not exist, or has another hash. */
NHI_CHECK enum nhi_err nhi_archive_remove(struct nhi_ledger *l, const char *dir, int64_t until, const char *hash,
                                          int64_t before);

#endif
