/* SPDX-License-Identifier: ISC */
/*
 * The sessions of a story: those that have ended, from their events, and those that are live.
 */
#ifndef NHICTL_TRACE_SESSIONS_H
#define NHICTL_TRACE_SESSIONS_H

#include "nhictl/trace/trace.h"

void trace_add_sessions(struct trace *t, const struct sessions *live, trace_takes_fn *takes, const void *ctx);
void trace_read_end(const struct nhi_event *e, struct trace_session *s);
void trace_from_grant(const char *handle, const struct nhi_grant *g, struct trace_session *s);

#endif
