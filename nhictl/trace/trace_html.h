/* SPDX-License-Identifier: ISC */
/*
 * A story as a page: facts, the chart, and every step.
 */
#ifndef NHICTL_TRACE_HTML_H
#define NHICTL_TRACE_HTML_H

#include "nhictl/trace/trace.h"

/* Writes the page to FILE or "-". */
int trace_html(struct ctl *c, struct trace *t, const char *file);

#endif
