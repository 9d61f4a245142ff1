/* SPDX-License-Identifier: ISC */
/*
 * Owners, for verbs that give them agents.
 */
#ifndef NHICTL_OWNER_H
#define NHICTL_OWNER_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_agent.h"

struct ctl;
struct store;

/* Checks that the owner is not off-boarded. a: the agent that it is for, or NULL. CTL_DONE, or another exit code after
 * reporting it. */
int owner_need(struct ctl *c, struct store *s, const struct nhi_agent *a, const char *owner);
/* Removes one reason for the suspension; with an event if the agent is active again. */
NHI_CHECK enum nhi_err owner_resume(struct ctl *c, struct store *s, const struct nhi_agent *a, const char *reason);

#endif
