/* SPDX-License-Identifier: ISC */
/*
 * Tickets that issue refuses because no rule of this host could ever permit them.
 */
#ifndef NHICTL_ISSUE_POLICY_H
#define NHICTL_ISSUE_POLICY_H

#include "nhictl/ticket/issue.h"

/* Whether a rule in force looks at the task of a ticket. */
int issue_policy_by_task(struct ctl *c, struct store *s, bool *by_task);
/* Whether this host's policy could ever permit each account and service that t names. */
int issue_policy(struct ctl *c, struct store *s, const struct nhi_ticket *t);

#endif
