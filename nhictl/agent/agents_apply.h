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
    STEP_ADOPT = 2, /* it was added by hand, and a file declares the same */
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
    bool missing; /* the directory of files does not exist */
    struct agent_step *steps;
    size_t count, room;
};

/* p: zeroed; release with agents_free whatever these return: CTL_DONE, or another exit code after reporting what is
 * wrong. */
int agents_read(struct ctl *c, struct agents_plan *p);
/* Finds what has to be done: into p, and as a table into the answer. Writes nothing. */
int agents_compare(struct ctl *c, struct store *s, struct agents_plan *p);
void agents_free(struct agents_plan *p);

/* One entry in the form of agent_new.h, and their order: given uids first, ascending. */
struct agent_new agents_new_of(const struct nhi_agent_entry *e);
int agents_by_uid(const void *a, const void *b);

#endif
