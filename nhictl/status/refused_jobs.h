/* SPDX-License-Identifier: ISC */
/*
 * Jobs of nhictl run, cron and atd that should have run, but did not.
 */
#ifndef NHICTL_REFUSED_JOBS_H
#define NHICTL_REFUSED_JOBS_H

#include "nhictl/status/status.h"

/* One event after the other, the newest first (jobs.c). A sample is of now. */
void jobs_add(struct recent *r, const struct nhi_event *e);
void jobs_add_sample(struct recent *r, const struct nhi_denial *d);
/* How many jobs wait for somebody. */
size_t recent_refused(const struct recent *r);

#endif
