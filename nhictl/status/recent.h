/* SPDX-License-Identifier: ISC */
/*
 * Recent denials, and jobs that did not run.
 */
#ifndef NHICTL_RECENT_H
#define NHICTL_RECENT_H

#include "nhictl/status/status.h"

/* Events of the trail, and counters that are not events yet. */
NHI_CHECK enum nhi_err recent_gather(struct store *s, int64_t now, struct recent *r);
void recent_free(struct recent *r);

#endif
