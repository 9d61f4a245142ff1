/* SPDX-License-Identifier: ISC */
/*
 * MUST: touch no agent that no file declares or declared. MUST: an agent that is no longer declared is suspended, never
 * deleted, and a missing directory means nothing about any agent. MUST: a uid does not change.
 */
#include "nhictl/agent/agents_apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/agent/agent.h"
#include "nhictl/agent/agent_new.h"
#include "nhictl/agent/agents_put.h"
#include "nhictl/agent/owner.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/conf_read.h"
#include "nhictl/store/store.h"

static enum nhi_err take(void *to, const char *name, const char *text, size_t len, struct nhi_conf_error *error)
{
    return nhi_agent_conf_add(to, name, text, len, error);
}

/* Given uids first, or the next free uid might be one of these. */
int agents_by_uid(const void *a, const void *b)
{
    const struct nhi_agent_entry *x = a, *y = b;

    if ((x->uid == 0) != (y->uid == 0))
        return x->uid == 0 ? 1 : -1;
    if (x->uid != y->uid)
        return x->uid < y->uid ? -1 : 1;
    return strcmp(x->name, y->name);
}

int agents_read(struct ctl *c, struct agents_plan *p)
{
    const struct conf_dir dir = { AGENTS_PATH, CONF_MAY_MISS, take, &p->conf };
    int code = conf_read_dir(c, &dir, &p->missing);

    if (code == CTL_DONE && p->conf.count > 0)
        qsort(p->conf.all, p->conf.count, sizeof(*p->conf.all), agents_by_uid);
    return code;
}

static int add_step(struct ctl *c, struct agents_plan *p, const struct agent_step *step)
{
    struct agent_step *more;

    more = nhi_grow(p->steps, &p->room, p->count + 1, sizeof(*more));
    if (more == NULL)
        return ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
    p->steps = more;
    p->steps[p->count++] = *step;
    return CTL_DONE;
}

/* ---- one entry ---- */

struct agent_new agents_new_of(const struct nhi_agent_entry *e)
{
    const struct agent_new n = { .name = e->name,
                                 .owner = e->owner,
                                 .purpose = e->purpose,
                                 .groups = e->groups,
                                 .home = e->home[0] != '\0' ? e->home : NULL,
                                 .shell = e->shell[0] != '\0' ? e->shell : NULL,
                                 .file = e->file,
                                 .review_by = e->review_by,
                                 .uid = e->uid,
                                 .no_home = e->no_home };

    return n;
}

/* A file of agents.d declares which agents exist; suspending and retiring is done by command. */
static int need_no_state(struct ctl *c, const struct nhi_agent_entry *e)
{
    if (e->state == 0 || e->state == NHI_AGENT_ACTIVE)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, "nhictl agent import FILE",
                    "state: not allowed in a declaration, only for nhictl agent import");
}

static int need_future(struct ctl *c, const struct nhi_agent_entry *e)
{
    if (e->review_by > c->now)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, NULL, "review_by: the date is in the past");
}

static int step_add(struct ctl *c, struct store *s, const struct nhi_agent_entry *e, struct agent_step *step)
{
    struct agent_new n = agents_new_of(e);
    int code = need_future(c, e);

    if (code == CTL_DONE)
        code = agent_new_prepare(c, s, &n, &step->want);
    if (code == CTL_DONE)
        s->set.next_uid = step->want.account.uid + 1;
    step->what = STEP_ADD;
    step->no_home = e->no_home;
    return code;
}

static bool same_account(const struct nhi_agent *a, const struct nhi_agent *b)
{
    return strcmp(a->purpose, b->purpose) == 0 && strcmp(a->account.shell, b->account.shell) == 0 &&
           strcmp(a->group_names, b->group_names) == 0 && a->account.group_count == b->account.group_count &&
           memcmp(a->account.groups, b->account.groups, a->account.group_count * sizeof(a->account.groups[0])) == 0;
}

/* Properties that no file changes. */
static int check_fixed(struct ctl *c, const struct nhi_agent_entry *e, const struct nhi_agent *a)
{
    char hint[NHI_AGENT_MAX + 32];

    snprintf(hint, sizeof(hint), "nhictl agent show %s", e->name);
    if (a->state == NHI_AGENT_RETIRED)
        return ctl_fail(c, CTL_REFUSED, hint, "agent %s is retired, which cannot be undone", e->name);
    if (e->uid != 0 && e->uid != a->account.uid)
        return ctl_fail(c, CTL_REFUSED, hint, "uid: agent %s has %u, and a uid never changes", e->name, a->account.uid);
    if (e->home[0] != '\0' && strcmp(e->home, a->account.home) != 0)
        return ctl_fail(c, CTL_REFUSED, hint, "home: agent %s has %s, and a home is never moved", e->name,
                        a->account.home);
    return CTL_DONE;
}

/* No file changes an agent that was added by hand, but a file that agrees with it may adopt it. */
static int check_adopted(struct ctl *c, const struct nhi_agent_entry *e, const struct agent_step *step)
{
    const char *differs = strcmp(e->owner, step->had.owner) != 0   ? "owner"
                          : e->review_by != step->had.review_by    ? "review_by"
                          : !same_account(&step->had, &step->want) ? "purpose, shell or group"
                                                                   : NULL;
    char hint[NHI_AGENT_MAX + 32];

    snprintf(hint, sizeof(hint), "nhictl agent show %s", e->name);
    if (differs == NULL)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, hint,
                    "agent %s was made by hand with another %s: a file takes over an agent only if both agree", e->name,
                    differs);
}

static int step_change(struct ctl *c, struct store *s, const struct nhi_agent_entry *e, struct agent_step *step)
{
    bool by_hand = step->had.file[0] == '\0';
    struct agent_new n = agents_new_of(e);
    int code = check_fixed(c, e, &step->had);

    step->want = step->had;
    if (code == CTL_DONE)
        code = agent_new_fill(c, s, &n, &step->want);
    if (code == CTL_DONE && by_hand)
        code = check_adopted(c, e, step);
    if (code != CTL_DONE)
        return code;
    memcpy(step->want.owner, e->owner, sizeof(step->want.owner));
    memcpy(step->want.file, e->file, sizeof(step->want.file));
    step->want.file_review = e->review_by;
    /* If a review has moved the day since then, the file's unchanged day does not move it back. */
    if (e->review_by != step->had.file_review)
        step->want.review_by = e->review_by;
    if (strcmp(step->want.owner, step->had.owner) != 0)
        step->what |= STEP_TRANSFER;
    if (!same_account(&step->had, &step->want))
        step->what |= STEP_CHANGE;
    if (step->want.review_by != step->had.review_by)
        step->what |= STEP_REVIEW;
    if (by_hand)
        step->what |= STEP_ADOPT;
    else if (strcmp(step->want.file, step->had.file) != 0 || step->want.file_review != step->had.file_review)
        step->what |= STEP_MOVE;
    if ((step->had.held & NHI_HELD_UNDECLARED) != 0)
        step->what |= STEP_RESUME;
    if ((step->what & (STEP_TRANSFER | STEP_RESUME)) != 0)
        code = owner_need(c, s, &step->had, e->owner);
    if (code == CTL_DONE && (step->what & STEP_REVIEW) != 0)
        code = need_future(c, e);
    return code;
}

static int compare_entry(struct ctl *c, struct store *s, struct agents_plan *p, const struct nhi_agent_entry *e)
{
    struct agent_step step = { .what = 0 };
    char where[sizeof(AGENTS_PATH) + NHI_DECLARED_MAX + 16];
    enum nhi_err err = nhi_agent_get(s->l, e->name, &step.had);
    int code;

    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return store_fail(c, s, err, "read the agents");
    snprintf(where, sizeof(where), "%s/%s:%u", AGENTS_PATH, e->file, e->line);
    c->where = where;
    code = need_no_state(c, e);
    if (code == CTL_DONE)
        code = err == NHI_OK ? step_change(c, s, e, &step) : step_add(c, s, e, &step);
    c->where = NULL;
    if (code == CTL_USAGE)
        code = CTL_REFUSED;
    return code == CTL_DONE && step.what != 0 ? add_step(c, p, &step) : code;
}

/* ---- agents that no file declares any more ---- */

struct removal {
    struct ctl *c;
    struct agents_plan *p;
    size_t count;
    int code;
};

static bool is_declared(const struct nhi_agent_conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->count; i++)
        if (strcmp(conf->all[i].name, name) == 0)
            return true;
    return false;
}

static int compare_agent(const struct nhi_agent *a, void *ctx)
{
    struct removal *r = ctx;
    struct agent_step step = { .what = STEP_SUSPEND, .had = *a, .want = *a };

    if (a->file[0] == '\0' || a->state == NHI_AGENT_RETIRED || (a->held & NHI_HELD_UNDECLARED) != 0 ||
        is_declared(&r->p->conf, a->account.name))
        return 0;
    r->count++;
    r->code = add_step(r->c, r->p, &step);
    return r->code != CTL_DONE;
}

static int compare_removed(struct ctl *c, struct store *s, struct agents_plan *p)
{
    struct removal r = { .c = c, .p = p, .code = CTL_DONE };
    enum nhi_err err = nhi_agent_each(s->l, compare_agent, &r);

    if (err != NHI_OK)
        return store_fail(c, s, err, "read the agents");
    if (r.code == CTL_DONE && p->missing && r.count > 0)
        return ctl_fail(c, CTL_REFUSED, "mkdir -m 0755 " AGENTS_PATH,
                        "there is no directory %s, which declared %zu agent%s: an empty directory would suspend %s; "
                        "nothing was changed",
                        AGENTS_PATH, r.count, r.count == 1 ? "" : "s", r.count == 1 ? "it" : "them");
    return r.code;
}

int agents_compare(struct ctl *c, struct store *s, struct agents_plan *p)
{
    int code = CTL_DONE;

    for (size_t i = 0; i < p->conf.count && code == CTL_DONE; i++)
        code = compare_entry(c, s, p, &p->conf.all[i]);
    if (code == CTL_DONE)
        code = compare_removed(c, s, p);
    out_table(c->out, "agents", NULL);
    for (size_t i = 0; i < p->count && code == CTL_DONE; i++)
        agents_show(c, &p->steps[i]);
    return code;
}

void agents_free(struct agents_plan *p)
{
    nhi_agent_conf_free(&p->conf);
    free(p->steps);
    memset(p, 0, sizeof(*p));
}
