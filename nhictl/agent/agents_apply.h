/* SPDX-License-Identifier: ISC */
/*
 * Agents that files declare, for apply: the ledger is changed to match the files.
 */
#ifndef NHICTL_AGENTS_APPLY_H
#define NHICTL_AGENTS_APPLY_H

#include "conf/agent_conf.h"
#include "libnhi/ledger/ledger_agent.h"

struct ctl;
struct store;

enum {
    STEP_ADD = 1,
    STEP_ADOPT = 2, /* it was made by hand, and a file says the same of it */
    STEP_TRANSFER = 4,
    STEP_CHANGE = 8,
    STEP_REVIEW = 16,
    STEP_MOVE = 32, /* another file declares it */
    STEP_SUSPEND = 64,
    STEP_RESUME = 128,
};

struct agent_step {
    unsigned what;
    struct nhi_agent had, want;
    bool no_home;
};

struct agents_plan {
    struct nhi_agent_conf conf;
    bool missing; /* there is no directory of files */
    struct agent_step *steps;
    size_t count, room;
};

/* p: zeroed; release with agents_free whatever these return: CTL_DONE, or another exit code after saying what is
 * wrong. */
int agents_read(struct ctl *c, struct agents_plan *p);
/* What has to be done, into p and as a table into the answer. Writes nothing. */
int agents_compare(struct ctl *c, struct store *s, struct agents_plan *p);
/* The home directories of those that are new, once they resolve. */
void agents_free(struct agents_plan *p);

/* One entry as agent_new.h takes it, and their order: given uids first, ascending. */
struct agent_new agents_new_of(const struct nhi_agent_entry *e);
int agents_by_uid(const void *a, const void *b);

#endif
