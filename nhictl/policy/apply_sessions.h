/* SPDX-License-Identifier: ISC */
/*
 * The effect of a new policy on the sessions that are open now.
 */
#ifndef NHICTL_APPLY_SESSIONS_H
#define NHICTL_APPLY_SESSIONS_H

#include "nhictl/agent/agents_apply.h"
#include "nhictl/policy/apply_tickets.h"

/* Adds the table "ends" to the answer: the sessions of logins that a ticket loses, or of agents that are suspended. An
 * exit code. */
int apply_show_sessions(struct ctl *c, const struct apply_effect *effect, const struct agents_plan *agents);

#endif
