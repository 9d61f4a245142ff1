/* SPDX-License-Identifier: ISC */
/*
 * A verb that has ended tickets waits until their sessions have ended, and reports how many.
 */
#ifndef NHICTL_END_VERB_H
#define NHICTL_END_VERB_H

#include "nhictl/end/end.h"

/* Ends every session that is to end by the record, and waits until they have gone. */
struct ended end_what_is_over(struct ctl *c, int64_t grace);
/* The same; the sessions that this revocation names are found by the index and asked before any other is looked at. l:
 * knows the lineages of tickets; may be NULL. */
struct ended end_named(struct ctl *c, struct nhi_ledger *l, const struct revocation *r, int64_t grace);
/* As end_what_is_over, and then those that end by policy and account. */
struct ended end_what_is_denied(struct ctl *c, int64_t grace);
/* Ends the sessions of a revocation that could not be recorded anywhere; NULL: all sessions. */
struct ended end_unsaid(struct ctl *c, const struct revocation *r, int64_t grace);
/* The same for many, with one look for as many as possible, and every session that is to end by the record. */
struct ended end_all_unsaid(struct ctl *c, const struct revocation *all, size_t count, int64_t grace);
/* The same for given sessions, which it takes over. */
struct ended end_these(struct ctl *c, struct ending *all, size_t count, int64_t grace);
/* Adds to the answer: member sessions, and a line if there were any. */
void ended_show(struct ctl *c, const struct ended *e);
/* Prints the answer, and then ends the session that we were called from, which may end this process. Returns CTL_PART
 * if a session is left that was to end. If zeroed, none was to end. */
int ended_answer(struct ctl *c, struct ended *e);
/* The same after the answer was printed with that exit code. */
int ended_finish(struct ctl *c, struct ended *e, int code);

#endif
