/* SPDX-License-Identifier: ISC */
/*
 * Showing and applying the differences between declared agents and the ledger.
 */
#ifndef NHICTL_AGENTS_PUT_H
#define NHICTL_AGENTS_PUT_H

#include "nhictl/agent/agents_apply.h"

/* Adds at least one row to that table. */
void agents_show(struct ctl *c, const struct agent_step *step);
/* Makes the changes, in the open transaction. */
NHI_CHECK enum nhi_err agents_put(struct ctl *c, struct store *s, const struct agents_plan *p);
/* Adds to the answer: tickets for other hosts, of the agents that were suspended. */
void agents_show_other_hosts(struct ctl *c, struct store *s, const struct agents_plan *p);
/* Makes the home directories of new agents, once their accounts resolve. */
int agents_make_homes(struct ctl *c, const struct agents_plan *p);

#endif
