/* SPDX-License-Identifier: ISC */
/*
 * What a new policy means for the tickets that are live.
 */
#ifndef NHICTL_APPLY_TICKETS_H
#define NHICTL_APPLY_TICKETS_H

#include "nhictl/policy/apply.h"

/* Every door that a live ticket would lose or gain, into c's answer: keys "loses" and "gains". */
int apply_show_tickets(struct ctl *c, struct store *s, const struct apply_side *had, const struct apply_side *want,
                       const struct apply_touched *touched);

#endif
