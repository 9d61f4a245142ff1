/* SPDX-License-Identifier: ISC */
/*
 * Whether the ledger belongs to this machine, and is not older than the one that this machine last saw.
 */
#ifndef NHI_LEDGER_TIE_H
#define NHI_LEDGER_TIE_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/state/fit.h"

struct nhi_last_seen_answer;

/* s: its settings. seen: taken before the ledger was read; last_seen.h. */
enum nhi_fit nhi_ledger_fit(struct nhi_ledger *l, const struct nhi_settings *s, const struct nhi_last_seen_answer *seen,
                            int64_t now);
/* This host has seen a newer state of it, or does not know; on whichever machine the ledger was made. */
bool nhi_ledger_is_behind(struct nhi_ledger *l, const struct nhi_settings *s, const struct nhi_last_seen_answer *seen);
/* Accepts a corrected clock: the latest time moves back to now. */
NHI_CHECK enum nhi_err nhi_ledger_set_clock(struct nhi_ledger *l, int64_t now);

/* In the open transaction: the ledger belongs to this machine and this boot. */
NHI_CHECK enum nhi_err nhi_sql_tie(struct nhi_ledger *l);
/* The same for a later boot of the same machine; on another machine, the ledger remembers that it was written where it
 * does not belong. */
NHI_CHECK enum nhi_err nhi_sql_note_boot(struct nhi_ledger *l, int64_t now);
/* Whether that was done in this boot. */
bool nhi_ledger_knows_boot(struct nhi_ledger *l);

#endif
