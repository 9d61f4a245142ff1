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
    const char *file;         /* that declares it, or NULL */
    int64_t review_by;
    uint32_t uid; /* 0: the next free one */
    bool no_home;
    bool daemons; /* root starts some by its account */
};

/* Each returns CTL_DONE, or another exit code after saying what is wrong. */
/* a: zeroed. Checked against the ledger and this host, with its uid; nothing is written. */
int agent_new_prepare(struct ctl *c, struct store *s, const struct agent_new *n, struct nhi_agent *a);
/* Purpose, shell and groups alone, into an agent that is there already. */
int agent_new_fill(struct ctl *c, const struct store *s, const struct agent_new *n, struct nhi_agent *a);
/* In the open transaction, with its event. */
NHI_CHECK enum nhi_err agent_new_record(struct ctl *c, struct store *s, const struct nhi_agent *a);

#endif
