/* SPDX-License-Identifier: ISC */
/*
 * Reading a story: its own events, those of its context, and its sessions.
 */
#ifndef NHICTL_TRACE_READ_H
#define NHICTL_TRACE_READ_H

#include "nhictl/trace/trace.h"

/* Reads the story. CTL_REFUSED: its subject does not exist, which was reported. Free in any case. */
int trace_read(struct ctl *c, struct store *s, struct trace *t);
void trace_free(struct trace *t);
void trace_step_free(struct trace_step *s);
/* "task", "agent" … */
const char *trace_by_name(enum trace_by by);

#endif
