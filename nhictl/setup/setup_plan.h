/* SPDX-License-Identifier: ISC */
/*
 * setup: the new text of each file.
 */
#ifndef NHICTL_SETUP_PLAN_H
#define NHICTL_SETUP_PLAN_H

#include "nhictl/setup/setup.h"

/* The uids that pam_nhi takes for agents. */
void setup_agents_range(unsigned *min, unsigned *max);
/* Adds the files of that service. Returns CTL_DONE, or another exit code after reporting what was wrong. */
int setup_plan(struct setup *s, const struct wiring_service *w);

#endif
