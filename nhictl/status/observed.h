/* SPDX-License-Identifier: ISC */
/*
 * Accounts under observation: people and old keys still get in, and it is recorded what would be denied.
 */
#ifndef NHICTL_OBSERVED_H
#define NHICTL_OBSERVED_H

struct ctl;
struct store;

/* Each with what was seen of it. */
int observed_show(struct ctl *c, struct store *s);

#endif
