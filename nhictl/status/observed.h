/* SPDX-License-Identifier: ISC */
/*
 * Accounts under observation: people and old keys can still log in, and what would be denied is recorded.
 */
#ifndef NHICTL_OBSERVED_H
#define NHICTL_OBSERVED_H

struct ctl;
struct store;

/* Each with what was recorded about it. */
int observed_show(struct ctl *c, struct store *s);

#endif
