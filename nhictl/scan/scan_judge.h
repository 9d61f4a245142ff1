/* SPDX-License-Identifier: ISC */
/*
 * Whether a ticket or key that scan has found is live.
 */
#ifndef NHICTL_SCAN_JUDGE_H
#define NHICTL_SCAN_JUDGE_H

#include "nhictl/scan/scan_find.h"

/* Sets the state of each, as the ledger has it now. */
int finder_judge(struct ctl *c, struct finder *f);
int finder_each_live(struct ctl *c, struct finder *f, find_live_fn *fn, void *ctx);
/* Revokes them, which gives them their cause, and ends their sessions; what is live then is revoked. Closes the
 * store: one process does not read and write a ledger at once. reason: NULL: that it leaked, and where. */
bool find_is_live(const char *state);

#endif
