/* SPDX-License-Identifier: ISC */
/*
 * The chain of events, and what is counted beside it.
 */
#ifndef NHI_LEDGER_EVENT_H
#define NHI_LEDGER_EVENT_H

#include "libnhi/ledger/ledger.h"

/* The newest number that was ever given, and the last event that is there, or was archived: its hash, or what
 * stands for it where there is none. They differ when somebody has taken events away. */
struct nhi_head {
    int64_t given, seq;
    char hash[NHI_DIGEST_LEN + 1];
};

/* Sessions of an account under observation, as folded: what would have been decided of them. first, last: 0
 * for none. */
struct nhi_observed {
    int64_t denied, permitted, first, last;
};

/* The next event of the chain, in the open transaction. Number and hashes are given here, the host is this one,
 * and the owner, where it is left empty, is who answers for the agent now. */
NHI_CHECK enum nhi_err nhi_event_add(struct nhi_ledger *l, const struct nhi_event *e);
/* One record becomes one event, however often it is folded: e->record says which. counted: it was a permit, so
 * the ticket's use count and times move with it. folded false: was there already. */
NHI_CHECK enum nhi_err nhi_event_fold(struct nhi_ledger *l, const struct nhi_event *e, bool counted, bool *folded);
/* Those after a number, in order. fn: return 0 to go on; the event is its only during the call. */
NHI_CHECK enum nhi_err nhi_event_each(struct nhi_ledger *l, int64_t after, int limit,
                                      int (*fn)(const struct nhi_event *, void *), void *ctx);
/* Those since a moment that tell of a denial, of nhictl run or of a daemon of jobs, the newest first. The cost depends
 * on how many events there are since then, not on how many there were before. */
NHI_CHECK enum nhi_err nhi_event_each_recent(struct nhi_ledger *l, int64_t since,
                                             int (*fn)(const struct nhi_event *, void *), void *ctx);
/* Those of a task, those of an agent (NULL: of none), and those of no agent, in order. */
NHI_CHECK enum nhi_err nhi_event_each_of(struct nhi_ledger *l, const char *task, const char *agent,
                                         int (*fn)(const struct nhi_event *, void *), void *ctx);
NHI_CHECK enum nhi_err nhi_event_head(struct nhi_ledger *l, struct nhi_head *out);
NHI_CHECK enum nhi_err nhi_observed_add(struct nhi_ledger *l, const char *account, bool permitted, int64_t at);
NHI_CHECK enum nhi_err nhi_observed_get(struct nhi_ledger *l, const char *account, struct nhi_observed *out);

#endif
