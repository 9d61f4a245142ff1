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

/* That owner is not off-boarded. a: the agent it is about, or NULL. CTL_DONE, or another exit code after saying
 * so. */
int owner_need(struct ctl *c, struct store *s, const struct nhi_agent *a, const char *owner);
/* One cause less to be suspended, with its event where it goes on. */
NHI_CHECK enum nhi_err owner_resume(struct ctl *c, struct store *s, const struct nhi_agent *a, const char *reason);

#endif
