/* SPDX-License-Identifier: ISC */
/*
 * The sessions of a story: those that have ended, from their events, and those that are live.
 */
#ifndef NHICTL_TRACE_SESSIONS_H
#define NHICTL_TRACE_SESSIONS_H

#include "nhictl/trace/trace.h"

/* What the event of its end has. */
void trace_read_end(const struct nhi_event *e, struct trace_session *s);
/* When it began: if that event does not have it, by the decision that opened it. */
int64_t trace_began(struct trace *t, const struct nhi_event *e);
/* Adds a session to the story: by the event of its end; or a live one, unless that is there already. */
void trace_add_ended(struct trace *t, const struct nhi_event *e, const struct trace_session *s);
void trace_add_live(struct trace *t, const struct trace_session *s);
void trace_sort_sessions(struct trace *t);
/* Session i, whole, until the next call. NULL: it can no longer be read. */
const struct trace_session *trace_session_at(struct trace *t, size_t i);
void trace_from_grant(const char *handle, const struct nhi_grant *g, struct trace_session *s);

#endif
