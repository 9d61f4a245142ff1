/* SPDX-License-Identifier: ISC */
/*
 * The chart of a story: sessions and tickets as bars against time, and what ended them.
 */
#ifndef NHICTL_TRACE_CHART_H
#define NHICTL_TRACE_CHART_H

#include "nhictl/trace/trace.h"

/* In it: sessions and tickets as bars against time. Of a story with a step at least. */
void trace_html_chart(FILE *f, const struct trace *t);

#endif
