/* SPDX-License-Identifier: ISC */
/*
 * The boundary between archived events and those in the ledger.
 */
#ifndef NHI_LEDGER_ARCHIVE_H
#define NHI_LEDGER_ARCHIVE_H

#include "libnhi/ledger/ledger.h"

/* The last of the events, from the first that is there on, that all are before a moment. until: 0: there is none. */
NHI_CHECK enum nhi_err nhi_archive_cut(struct nhi_ledger *l, int64_t before, int64_t *until);
/* Takes away, in the open transaction, the events up to that number, whose hash has to be this one: they are in a
 * file that was proven. The ledger remembers both, and of records that are still in dir that they were folded.
 * NHI_ERR_STATE: that event is not there, or another is. */
NHI_CHECK enum nhi_err nhi_archive_remove(struct nhi_ledger *l, const char *dir, int64_t until, const char *hash,
                                          int64_t before);

#endif
