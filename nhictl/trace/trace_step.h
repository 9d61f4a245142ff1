/* SPDX-License-Identifier: ISC */
/*
 * One step of a story in words.
 */
#ifndef NHICTL_TRACE_STEP_H
#define NHICTL_TRACE_STEP_H

#include "nhictl/trace/trace.h"

/* Fills in word, tone, who and text of a step. */
void trace_describe(const struct trace *t, struct trace_step *s);
/* The words for a reason of an end or a refusal, by its name; a text that is not such a name is returned as it is. */
const char *trace_reason(const char *name);
void trace_short(const char *jti, char out[TRACE_SHORT_LEN]);

#endif
