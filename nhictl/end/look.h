/* SPDX-License-Identifier: ISC */
/*
 * Look before you end: what a verb would end, with --dry-run as its answer, and on a terminal as a question.
 *
 * The verb does its work in a transaction that is then rolled back, so that what is counted is what would be done.
 */
#ifndef NHICTL_LOOK_H
#define NHICTL_LOOK_H

#include <stdbool.h>

#include "libnhi/ledger/ledger.h"
#include "nhictl/process/sessions.h"
#include "nhictl/say/ctl.h"

/* The options of such a verb, for its struct of options. */
struct look_opts {
    bool dry_run, yes;
};
#define LOOK_OPTS(at) \
    { \
        "dry-run", OPT_FLAG, at + offsetof(struct look_opts, dry_run), false, NULL, "only show what would end", NULL, 0 \
    }, \
    { \
        "yes", OPT_FLAG, at + offsetof(struct look_opts, yes), false, NULL, "do not ask, on a terminal either", NULL, \
            0 \
    }

struct look; /* what was counted so far */

/* run: the verb. look NULL: does it; otherwise adds to look what it would end, and commits, ends and prints nothing.
 * sentence: what it would do, as "close task build-4711". given: the arguments leave no doubt, so nothing is asked. */
struct look_verb {
    const char *sentence;
    bool given;
    int (*run)(struct ctl *c, struct look *look, void *ctx);
    void *ctx;
};
int look_first(struct ctl *c, const struct look_opts *opts, const struct look_verb *v);

/* As if these revocations were in force, or a lockdown: the sessions that would end by the record. tickets: how many
 * live ones of this host end. An exit code. */
int look_add(struct look *look, const struct revocation *all, size_t count, uint32_t tickets);
int look_add_lockdown(struct look *look);
/* Tickets of other hosts, which go on. */
void look_add_others(struct look *look, struct nhi_ledger *l, const struct revocation *r);
void look_add_session(struct look *look, const struct session *s);
/* Agents that are denied. */
void look_add_agents(struct look *look, size_t count);

#endif
