/* SPDX-License-Identifier: ISC */
/*
 * The supervisor's periodic work for the trail.
 */
#ifndef NHICTL_TRAIL_TIMER_H
#define NHICTL_TRAIL_TIMER_H

#include "libnhi/ledger/ledger.h"

struct ctl;

/* Zeroed at first: then everything is due. */
struct trail_timer {
    int64_t head_every; /* seconds, from the host's settings */
    int64_t denials_every;
    int64_t head_at, denials_at; /* milliseconds since boot, sleep included */
};

void trail_timer_set(struct trail_timer *t, const struct nhi_settings *set);
/* Does what is due. now: milliseconds since boot, sleep included. */
void trail_timer_step(struct ctl *c, struct trail_timer *t, int64_t now);

#endif
