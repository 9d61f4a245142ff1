/* SPDX-License-Identifier: ISC */
/*
 * What would replace the account as it is used today, as commands that can be typed unchanged.
 */
#ifndef NHICTL_ADOPT_PLAN_H
#define NHICTL_ADOPT_PLAN_H

#include "nhictl/adopt/adopt.h"

/* The commands to type, in order. */
void adopt_plan(struct adopt *a);

#endif
