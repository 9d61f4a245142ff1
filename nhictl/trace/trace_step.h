/* SPDX-License-Identifier: ISC */
/*
 * One step of a story in words.
 */
#ifndef NHICTL_TRACE_STEP_H
#define NHICTL_TRACE_STEP_H

#include "nhictl/trace/trace.h"

/* Fills in word, tone, who and text of a step. */
void trace_describe(struct trace *t, struct trace_told *s);
/* Reads who typed it, and when in its second, from the event's detail. */
void trace_read_actor(struct trace_told *s);
/* Step i, whole, until the next call. NULL: it can no longer be read. */
const struct trace_told *trace_step_at(struct trace *t, size_t i);
/* The words for a reason of an end or a refusal, by its name; a text that is not such a name is returned as it is. */
const char *trace_reason(const char *name);
void trace_short(const char *jti, char out[TRACE_SHORT_LEN]);

#endif
