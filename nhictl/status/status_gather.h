/* SPDX-License-Identifier: ISC */
/*
 * The numbers that status and metrics show.
 */
#ifndef NHICTL_STATUS_GATHER_H
#define NHICTL_STATUS_GATHER_H

#include "nhictl/status/status.h"

/* An exit code, after reporting what was wrong. The caller frees n->recent in any case. */
int status_gather(struct ctl *c, struct store *s, struct status *n);

#endif
