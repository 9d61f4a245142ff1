/* SPDX-License-Identifier: ISC */
/*
 * Changes that are too many for one transaction: they are made in turns, each a transaction of at most a tenth of a
 * second with all that belongs to it, and other commands write in between.
 */
#ifndef NHICTL_TURN_H
#define NHICTL_TURN_H

#include "nhictl/say/ctl.h"
#include "nhictl/store/store.h"

struct turn {
    int64_t until; /* milliseconds of the monotonic clock */
};

/* The first turn, in the transaction that store_write or store_open has begun. */
void turn_begin(struct turn *t);
bool turn_is_over(const struct turn *t);
/* A signal that would end the program is held back: no further turn should begin. */
bool turn_is_stopped(void);
/* Commits the turn. Only what could not be published is reported. */
NHI_CHECK enum nhi_err turn_commit(struct store *s);
/* After turn_commit: lets others write, and begins the next turn with the ledger as it is then, and c->now. */
NHI_CHECK enum nhi_err turn_next(struct ctl *c, struct store *s, struct turn *t);

#endif
