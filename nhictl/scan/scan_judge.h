/* SPDX-License-Identifier: ISC */
/*
 * Whether a ticket or key that scan has found is live.
 */
#ifndef NHICTL_SCAN_JUDGE_H
#define NHICTL_SCAN_JUDGE_H

#include "nhictl/scan/scan_find.h"

/* Sets the state of each find, as the ledger has it now. */
int finder_judge(struct ctl *c, struct finder *f);
/* After that: calls fn for every ticket that a find opens, here or on other hosts, or would open again. */
int finder_each_live(struct ctl *c, struct finder *f, find_live_fn *fn, void *ctx);
bool find_is_live(const char *state);

#endif
