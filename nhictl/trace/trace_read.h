/* SPDX-License-Identifier: ISC */
/*
 * Reading a story: its own events, those of its context, and its sessions.
 */
#ifndef NHICTL_TRACE_READ_H
#define NHICTL_TRACE_READ_H

#include "nhictl/trace/trace.h"

/* Reads the story. CTL_REFUSED: its subject does not exist, which was reported. Free in any case. */
/* chart: tickets will be drawn, too. What is read later is read from the ledger: free it before the store is closed. */
int trace_read(struct ctl *c, struct store *s, struct trace *t, bool chart);
void trace_free(struct trace *t);
/* "task", "agent" … */
const char *trace_by_name(enum trace_by by);

#endif
