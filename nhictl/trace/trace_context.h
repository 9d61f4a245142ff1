/* SPDX-License-Identifier: ISC */
/*
 * The events of a story's context (its task, its agent, an issuer, a lockdown) that happened during the story.
 */
#ifndef NHICTL_TRACE_CONTEXT_H
#define NHICTL_TRACE_CONTEXT_H

#include "nhictl/trace/trace.h"

/* Drops the steps of the context that did not happen during the story. */
enum trace_when { AROUND_NEVER, AROUND_BEFORE, AROUND_WITHIN };
/* What decides whether an event belongs to the story, and what it may be found by. */
struct trace_around {
    enum trace_when when;
    char record[NHI_JTI_LEN + 1], within[NHI_JTI_LEN + 1];
    char kid[NHI_KID_MAX + 1]; /* of its ticket */
    char *key;                 /* the issuer's key that it is about; NULL: it is about no issuer */
};
struct trace_around *trace_around_new(const struct nhi_event *e);
void trace_around_free(struct trace_around *a);

/* The keys that signed the story's tickets. */
struct trace_kids {
    char (*kid)[NHI_KID_MAX + 1];
    size_t count, room;
};
void trace_note_kid(struct trace_kids *kids, const char *kid);

/* Keeps the steps that belong to the story. kids: of direct steps that have no around. */
void trace_keep_context(struct trace *t, struct trace_kids *kids);

#endif
