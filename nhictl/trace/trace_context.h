/* SPDX-License-Identifier: ISC */
/*
 * The events of a story's context (its task, its agent, an issuer, a lockdown) that happened during the story.
 */
#ifndef NHICTL_TRACE_CONTEXT_H
#define NHICTL_TRACE_CONTEXT_H

#include "nhictl/trace/trace.h"

/* Drops the steps of the context that did not happen during the story. */
void trace_keep_context(struct trace *t);

#endif
