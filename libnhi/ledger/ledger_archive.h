/* SPDX-License-Identifier: ISC */
/*
 * The boundary between archived events and those in the ledger.
 */
#ifndef NHI_LEDGER_ARCHIVE_H
#define NHI_LEDGER_ARCHIVE_H

#include "libnhi/ledger/ledger.h"

/* The last event of those at the beginning of the trail that are all older than a moment. until: 0: none is. */
NHI_CHECK enum nhi_err nhi_archive_cut(struct nhi_ledger *l, int64_t before, int64_t *until);
/* The beginning of what a ticket that has not expired at that moment, or an open session, still needs: the issue of the
 * first ticket of its lineage, or the grant. INT64_MAX: nothing. */
NHI_CHECK enum nhi_err nhi_archive_needed(struct nhi_ledger *l, int64_t now, int64_t *since);
/* Notes which records of grants are in dir, in this connection. It reads each of them, so it has no place in a
 * transaction; a record that comes later belongs to no event that exists now. */
NHI_CHECK enum nhi_err nhi_archive_note_records(struct nhi_ledger *l, const char *dir);
/* Removes the events up to that number in the open transaction; its hash must be this one. They are in a file that was
 * verified. The ledger remembers both, and also which of the noted records were folded. The number was chosen before
 * the records were noted. NHI_ERR_STATE: that event does not exist, or has another hash. */
NHI_CHECK enum nhi_err nhi_archive_remove(struct nhi_ledger *l, int64_t until, const char *hash, int64_t before);

#endif
