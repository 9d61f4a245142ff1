/* SPDX-License-Identifier: ISC */
/*
 * The chart of a story: sessions and tickets as bars against time, and the events that ended them.
 */
#ifndef NHICTL_TRACE_CHART_H
#define NHICTL_TRACE_CHART_H

#include "nhictl/trace/trace.h"

/* Draws the chart of a story with at least one step. */
/* false: a step can no longer be read. */
bool trace_html_chart(FILE *f, struct trace *t);

#endif
