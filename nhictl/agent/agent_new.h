/* SPDX-License-Identifier: ISC */
/*
 * Making an agent as requested on a command line or in a file.
 */
#ifndef NHICTL_AGENT_NEW_H
#define NHICTL_AGENT_NEW_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_agent.h"

struct ctl;
struct store;

struct agent_new {
    const char *name, *owner, *purpose, *groups;
    const char *home, *shell; /* NULL: the default */
    const char *file;         /* the file that declares it, or NULL */
    int64_t review_by;
    uint32_t uid; /* 0: the next free uid */
    bool no_home;
    bool daemons; /* root starts daemons with its account */
};

/* Each returns CTL_DONE, or another exit code after reporting what is wrong. */
/* a: zeroed; checked against the ledger and this host, and given its uid. Nothing is written. */
int agent_new_prepare(struct ctl *c, struct store *s, const struct agent_new *n, struct nhi_agent *a);
/* Sets purpose, shell and groups alone, in an agent that exists already. */
int agent_new_fill(struct ctl *c, const struct store *s, const struct agent_new *n, struct nhi_agent *a);
/* In the open transaction, with its event. */
NHI_CHECK enum nhi_err agent_new_record(struct ctl *c, struct store *s, const struct nhi_agent *a);

#endif
