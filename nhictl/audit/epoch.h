/* SPDX-License-Identifier: ISC */
/*
 * Restores and copied machines, as the trail records them.
 */
#ifndef NHICTL_EPOCH_H
#define NHICTL_EPOCH_H

#include <stdbool.h>

#include "libnhi/ledger/chain.h"

struct ctl;

struct epoch {
    int64_t event, at; /* of the last event that began one; 0: none did */
    bool restored;     /* by a restore, not on another machine */
    bool lossy;        /* of the trail before, some is not there */
};

/* A line that is proven, which may tell of one. */
void epoch_note(struct epoch *e, const char *line, int64_t seq);
/* Whether the event whose head was signed went with the ledger in whose place an older one was put. */
bool epoch_lost(const struct epoch *e, const struct nhi_signed_head *h);
void epoch_show(struct ctl *c, const struct epoch *e);

#endif
