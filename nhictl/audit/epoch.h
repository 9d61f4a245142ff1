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
    int64_t event, at; /* of the last event that began an epoch; 0: none did */
    bool restored;     /* by a restore, not by a move to another machine */
    bool lossy;        /* part of the earlier trail is missing */
};

/* Takes a verified line, which may record a new epoch. */
void epoch_note(struct epoch *e, const char *line, int64_t seq);
/* Whether the event whose head was signed was lost when an older ledger was restored. */
bool epoch_lost(const struct epoch *e, const struct nhi_signed_head *h);
void epoch_show(struct ctl *c, const struct epoch *e);

#endif
