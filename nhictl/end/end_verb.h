/* SPDX-License-Identifier: ISC */
/*
 * A verb that has ended tickets waits until their sessions have ended, and reports how many.
 */
#ifndef NHICTL_END_VERB_H
#define NHICTL_END_VERB_H

#include "nhictl/end/end.h"

/* Ends every session that is over by the record, and waits until they are gone. */
struct ended end_what_is_over(struct ctl *c, int64_t grace);
/* And then what policy and the account end. */
struct ended end_what_is_denied(struct ctl *c, int64_t grace);
/* What was to end and could be put on record nowhere: those of a revocation, or NULL: all. */
struct ended end_unsaid(struct ctl *c, const struct revocation *r, int64_t grace);
/* The same for given ones, which this takes. */
struct ended end_these(struct ctl *c, struct ending *all, size_t count, int64_t grace);
/* Into the answer: member sessions, and a line where there were any. */
void ended_show(struct ctl *c, const struct ended *e);
/* Prints the answer, and then ends what we were called from, which may be the end of us. Returns CTL_PART where
 * something is left that was to end. Zeroed, nothing was to. */
int ended_answer(struct ctl *c, struct ended *e);
/* The same once the answer is out; code is what came of it. */
int ended_finish(struct ctl *c, struct ended *e, int code);

#endif
