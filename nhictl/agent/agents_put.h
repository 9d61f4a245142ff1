/* SPDX-License-Identifier: ISC */
/*
 * Showing and applying the differences between declared agents and the ledger.
 */
#ifndef NHICTL_AGENTS_PUT_H
#define NHICTL_AGENTS_PUT_H

#include "nhictl/agent/agents_apply.h"

/* One row of that table or more. */
void agents_show(struct ctl *c, const struct agent_step *step);
/* Does it, in the open transaction. */
NHI_CHECK enum nhi_err agents_put(struct ctl *c, struct store *s, const struct agents_plan *p);
/* Of those that it suspended, in the answer: the tickets for other hosts. */
void agents_show_other_hosts(struct ctl *c, struct store *s, const struct agents_plan *p);
/* The home directories of those that are new, once they resolve. */
int agents_make_homes(struct ctl *c, const struct agents_plan *p);

#endif
