/* SPDX-License-Identifier: ISC */
/*
 * The effect of a new policy on live tickets.
 */
#ifndef NHICTL_APPLY_TICKETS_H
#define NHICTL_APPLY_TICKETS_H

#include "nhictl/policy/apply.h"

/* Adds every login that a live ticket would lose or gain to c's answer: keys "loses" and "gains". */
int apply_show_tickets(struct ctl *c, struct store *s, const struct apply_side *had, const struct apply_side *want,
                       const struct apply_touched *touched);

#endif
