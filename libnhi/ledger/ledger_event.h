/* SPDX-License-Identifier: ISC */
/*
 * The chain of events, and the counters beside it.
 */
#ifndef NHI_LEDGER_EVENT_H
#define NHI_LEDGER_EVENT_H

#include "libnhi/ledger/ledger.h"

/* The newest number that was ever given, and number and hash of the last event that exists or was archived;
 * NHI_NO_EVENT without one. The two numbers differ when somebody has removed events. */
struct nhi_head {
    int64_t given, seq;
    char hash[NHI_DIGEST_LEN + 1];
};

/* Sessions of an account under observation, as folded: how they would have been decided. first, last: 0 if there were
 * none. */
struct nhi_observed {
    int64_t denied, permitted, first, last;
};

/* Adds the next event of the chain, in the open transaction. Number and hashes are set here, the host is this one, and
 * an empty owner becomes the agent's present one. */
NHI_CHECK enum nhi_err nhi_event_add(struct nhi_ledger *l, const struct nhi_event *e);
/* One record becomes one event, however often it is folded: e->record identifies it. counted: it was a permit, so the
 * ticket's use count and times change with it. folded is false if the event existed already. */
NHI_CHECK enum nhi_err nhi_event_fold(struct nhi_ledger *l, const struct nhi_event *e, bool counted, bool *folded);
/* The events after a number, in order. fn: returns 0 to continue; the event is valid only during the call. */
NHI_CHECK enum nhi_err nhi_event_each(struct nhi_ledger *l, int64_t after, int limit,
                                      int (*fn)(const struct nhi_event *, void *), void *ctx);
/* The denials and the events about nhictl run or a daemon of jobs since a moment, the newest first. The cost depends on
 * how many events there are since then, not on how many there were before. */
NHI_CHECK enum nhi_err nhi_event_each_recent(struct nhi_ledger *l, int64_t since,
                                             int (*fn)(const struct nhi_event *, void *), void *ctx);
/* The events of a task, those of an agent (NULL: no such events), and those without an agent, in order. */
NHI_CHECK enum nhi_err nhi_event_each_of(struct nhi_ledger *l, const char *task, const char *agent,
                                         int (*fn)(const struct nhi_event *, void *), void *ctx);
/* Reads single events by number: fast where numbers go up. Of the one with that record, only at, from and rule. out: to
 * be closed before the ledger. The detail of an event is valid until the next is asked for by number.
 * NHI_ERR_NOT_FOUND. */
struct nhi_event_reader;
NHI_CHECK enum nhi_err nhi_event_reader_open(struct nhi_ledger *l, struct nhi_event_reader **out);
NHI_CHECK enum nhi_err nhi_event_reader_get(struct nhi_event_reader *r, int64_t seq, struct nhi_event *e);
NHI_CHECK enum nhi_err nhi_event_reader_find(struct nhi_event_reader *r, const char *record, struct nhi_event *e);
void nhi_event_reader_close(struct nhi_event_reader *r); /* NULL: nothing */
NHI_CHECK enum nhi_err nhi_event_head(struct nhi_ledger *l, struct nhi_head *out);
NHI_CHECK enum nhi_err nhi_observed_add(struct nhi_ledger *l, const char *account, bool permitted, int64_t at);
NHI_CHECK enum nhi_err nhi_observed_get(struct nhi_ledger *l, const char *account, struct nhi_observed *out);

#endif
