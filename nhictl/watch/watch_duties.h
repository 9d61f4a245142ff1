/*
 * The supervisor's periodic work for the trail.
 */
#ifndef NHICTL_WATCH_DUTIES_H
#define NHICTL_WATCH_DUTIES_H

#include "libnhi/ledger/ledger.h"

struct ctl;

/* Zeroed at first: then all of it is due. */
struct duties {
    int64_t head_every; /* seconds, as the host's settings say */
    int64_t denials_every;
    int64_t head_at, denials_at; /* milliseconds since boot, sleep included */
};

void duties_settings(struct duties *d, const struct nhi_settings *set);
/* Does what is due. now: milliseconds since boot, sleep included. */
void duties_step(struct ctl *c, struct duties *d, int64_t now);

#endif
