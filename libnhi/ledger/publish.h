/* SPDX-License-Identifier: ISC */
/*
 * Publishing what a transaction changes. nhi_ledger_begin and its companions call this, so that no writer can forget
 * it.
 *
 * MUST: what ends access is in the state first, then it is committed; what gives it is committed first, then published.
 * MUST: a writer that is killed at any point leaves a state that permits no more than the ledger before it, nor more
 * than the ledger after it.
 */
#ifndef NHI_PUBLISH_H
#define NHI_PUBLISH_H

#include "libnhi/ledger/ledger.h"

/* From now on every transaction of this writer is published. run_dir: NHI_RUN_DIR; valid as long as the ledger is open.
 * wait_ms: for other writers. */
NHI_CHECK enum nhi_err nhi_ledger_publishes(struct nhi_ledger *l, const char *dir, const char *run_dir, int wait_ms);
/* Publishes the whole ledger anew, read from its tables: as nhi_ledger_refresh does, or, if what is published is not
 * known to be complete, in a transaction of its own. */
NHI_CHECK enum nhi_err nhi_ledger_publish(struct nhi_ledger *l, int64_t now);
/* Makes a new file of what is published, mostly from the one that readers see, without keeping other writers waiting
 * for longer than it takes to add what they changed meanwhile. Outside a transaction. A failure changes nothing.
 * NHI_ERR_STATE: only a transaction can. */
NHI_CHECK enum nhi_err nhi_ledger_refresh(struct nhi_ledger *l);
/* How often this ledger has changed what is published; -1: it cannot be read. */
int64_t nhi_ledger_generation(struct nhi_ledger *l);
/* Whether the published state has all of the ledger; of a ledger that is open in any mode. */
bool nhi_ledger_is_published(struct nhi_ledger *l, const char *dir, const char *run_dir);
/* Publishes it unless that is so. */
NHI_CHECK enum nhi_err nhi_ledger_publish_if_stale(struct nhi_ledger *l, int64_t now);
/* In a transaction: agents are denied until it is committed and published. For what changes so much that nothing of the
 * old state may be used beside it. */
NHI_CHECK enum nhi_err nhi_ledger_withdraw(struct nhi_ledger *l);
/* What kept the last transaction, which was committed, from being published; NHI_OK: nothing. */
enum nhi_err nhi_ledger_unpublished(const struct nhi_ledger *l);

#endif
