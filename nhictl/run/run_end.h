/* SPDX-License-Identifier: ISC */
/*
 * The end of nhictl run: of its ticket, its task and its session.
 */
#ifndef NHICTL_RUN_END_H
#define NHICTL_RUN_END_H

#include "nhictl/run/run.h"

/* Ends ticket and task. why: for the trail. */
void run_close(struct ctl *c, const struct run *r, const char *why);
/* Records that a run did not begin, and why: for status, and for the trail. */
void run_refused(struct ctl *c, const struct run_args *args);
/* Removes the session: no process is inside any more. */
void run_leave(const struct run *r);

#endif
