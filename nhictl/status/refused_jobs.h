/* SPDX-License-Identifier: ISC */
/*
 * Jobs of nhictl run, cron and atd that should have run, but did not.
 */
#ifndef NHICTL_REFUSED_JOBS_H
#define NHICTL_REFUSED_JOBS_H

#include "nhictl/status/status.h"

/* Takes one event after the other, the newest first. A sample is of the present. */
void jobs_add(struct recent *r, const struct nhi_event *e);
void jobs_add_sample(struct recent *r, const struct nhi_denial *d);
/* How many jobs somebody has to look at. */
size_t recent_refused(const struct recent *r);

#endif
