/*
 * MUST: touch no agent that no file declares or declared. MUST: what is not declared any more is
 * suspended, never deleted, and a directory that is gone is no statement about anybody. MUST: a uid
 * does not change.
 */
#include "nhictl/agents_apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nhictl/agent.h"
#include "nhictl/agent_new.h"
#include "nhictl/conf_read.h"
#include "nhictl/ctl.h"
#include "nhictl/home.h"
#include "nhictl/owner.h"
#include "nhictl/store.h"

#define REMOVED "no file declares it any more"
#define BACK "declared again"

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

static enum nhi_err take(void *to, const char *name, const char *text, size_t len,
                         struct nhi_conf_error *error)
{
    return nhi_agent_conf_add(to, name, text, len, error);
}

/* Given uids first, or the next free one would be one of these. */
static int by_uid(const void *a, const void *b)
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
    int code = conf_read_dir(c, AGENTS_PATH, CONF_MAY_MISS, &p->missing, take, &p->conf);

    if (code == CTL_DONE && p->conf.count > 0)
        qsort(p->conf.all, p->conf.count, sizeof(*p->conf.all), by_uid);
    return code;
}

static int add_step(struct ctl *c, struct agents_plan *p, const struct agent_step *step)
{
    struct agent_step *more;

    if (p->count == p->room) {
        more = reallocarray(p->steps, p->room * 2 + 16, sizeof(*more));
        if (more == NULL)
            return ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
        p->steps = more;
        p->room = p->room * 2 + 16;
    }
    p->steps[p->count++] = *step;
    return CTL_DONE;
}

/* ---- one entry ---- */

static struct agent_new new_of(const struct nhi_agent_entry *e)
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

static int need_future(struct ctl *c, const struct nhi_agent_entry *e)
{
    if (e->review_by > c->now)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, NULL, "review_by: the day is past");
}

static int step_add(struct ctl *c, struct store *s, const struct nhi_agent_entry *e,
                    struct agent_step *step)
{
    struct agent_new n = new_of(e);
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
           strcmp(a->group_names, b->group_names) == 0 &&
           a->account.group_count == b->account.group_count &&
           memcmp(a->account.groups, b->account.groups,
                  a->account.group_count * sizeof(a->account.groups[0])) == 0;
}

/* What no file changes. */
static int check_fixed(struct ctl *c, const struct nhi_agent_entry *e, const struct nhi_agent *a)
{
    char hint[NHI_AGENT_MAX + 32];

    snprintf(hint, sizeof(hint), "nhictl agent show %s", e->name);
    if (a->state == NHI_AGENT_RETIRED)
        return ctl_fail(c, CTL_REFUSED, hint, "agent %s is retired, and stays so", e->name);
    if (e->uid != 0 && e->uid != a->account.uid)
        return ctl_fail(c, CTL_REFUSED, hint, "uid: agent %s has %u, and a uid does not change",
                        e->name, a->account.uid);
    if (e->home[0] != '\0' && strcmp(e->home, a->account.home) != 0)
        return ctl_fail(c, CTL_REFUSED, hint, "home: agent %s has %s, and a home is not moved",
                        e->name, a->account.home);
    return CTL_DONE;
}

/* An agent that was made by hand is nobody's to change, but may be put under a file that agrees. */
static int check_adopted(struct ctl *c, const struct nhi_agent_entry *e,
                         const struct agent_step *step)
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
                    "agent %s was made by hand, and %s is not as here: a file takes over only what "
                    "it describes",
                    e->name, differs);
}

static int step_change(struct ctl *c, struct store *s, const struct nhi_agent_entry *e,
                       struct agent_step *step)
{
    bool by_hand = step->had.file[0] == '\0';
    struct agent_new n = new_of(e);
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
    /* A review since then moved the day: what the file said before it says still. */
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
    else if (strcmp(step->want.file, step->had.file) != 0 ||
             step->want.file_review != step->had.file_review)
        step->what |= STEP_MOVE;
    if ((step->had.held & NHI_HELD_UNDECLARED) != 0)
        step->what |= STEP_RESUME;
    if ((step->what & (STEP_TRANSFER | STEP_RESUME)) != 0)
        code = owner_need(c, s, &step->had, e->owner);
    if (code == CTL_DONE && (step->what & STEP_REVIEW) != 0)
        code = need_future(c, e);
    return code;
}

static int compare_entry(struct ctl *c, struct store *s, struct agents_plan *p,
                         const struct nhi_agent_entry *e)
{
    struct agent_step step = { .what = 0 };
    char where[sizeof(AGENTS_PATH) + NHI_DECLARED_MAX + 16];
    enum nhi_err err = nhi_agent_get(s->l, e->name, &step.had);
    int code;

    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return store_fail(c, s, err, "read the agents");
    snprintf(where, sizeof(where), "%s/%s:%u", AGENTS_PATH, e->file, e->line);
    c->where = where;
    code = err == NHI_OK ? step_change(c, s, e, &step) : step_add(c, s, e, &step);
    c->where = NULL;
    if (code == CTL_USAGE)
        code = CTL_REFUSED;
    return code == CTL_DONE && step.what != 0 ? add_step(c, p, &step) : code;
}

/* ---- what no file declares any more ---- */

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

    if (a->file[0] == '\0' || a->state == NHI_AGENT_RETIRED ||
        (a->held & NHI_HELD_UNDECLARED) != 0 || is_declared(&r->p->conf, a->account.name))
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
                        "there is no directory %s, from which %zu agent%s declared: an empty one "
                        "would suspend %s; nothing was changed",
                        AGENTS_PATH, r.count, r.count == 1 ? " was" : "s were",
                        r.count == 1 ? "it" : "them");
    return r.code;
}

/* ---- the difference ---- */

static void show(struct ctl *c, const struct agent_step *step, const char *change, const char *from,
                 const char *to)
{
    struct out_row *r = out_row_new(c->out);

    out_state(r, "name", "agent", step->want.account.name);
    out_text(r, "change", "change", change);
    out_text(r, "from", "from", from);
    out_text(r, "to", "to", to);
    out_table_row(c->out, r);
}

static void show_step(struct ctl *c, const struct agent_step *step)
{
    const struct nhi_agent *had = &step->had, *want = &step->want;
    char from[NHI_TIME_LEN + 1], to[NHI_TIME_LEN + 1];

    if ((step->what & STEP_ADD) != 0)
        show(c, step, "added", NULL, want->owner);
    if ((step->what & STEP_ADOPT) != 0)
        show(c, step, "adopted", "by hand", want->file);
    if ((step->what & STEP_TRANSFER) != 0)
        show(c, step, "transferred", had->owner, want->owner);
    if ((step->what & STEP_CHANGE) != 0) {
        if (strcmp(had->purpose, want->purpose) != 0)
            show(c, step, "purpose", had->purpose, want->purpose);
        if (strcmp(had->account.shell, want->account.shell) != 0)
            show(c, step, "shell", had->account.shell, want->account.shell);
        if (strcmp(had->group_names, want->group_names) != 0)
            show(c, step, "groups", had->group_names, want->group_names);
    }
    if ((step->what & STEP_REVIEW) != 0 && nhi_time_format(had->review_by, from) == NHI_OK &&
        nhi_time_format(want->review_by, to) == NHI_OK) {
        from[10] = to[10] = '\0';
        show(c, step, "review", from, to);
    }
    if ((step->what & STEP_SUSPEND) != 0)
        show(c, step, "suspended", had->file, NULL);
    if ((step->what & STEP_RESUME) != 0)
        show(c, step, (had->held & ~(uint32_t)NHI_HELD_UNDECLARED) == 0 ? "resumed" : "declared",
             NULL, want->file);
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
        show_step(c, &p->steps[i]);
    return code;
}

/* ---- doing it ---- */

static enum nhi_err event(struct ctl *c, struct store *s, const struct agent_step *step,
                          const char *kind, const char *cause, const char *from, const char *to)
{
    struct out_row *detail = out_row_new(c->out);

    if (from != NULL)
        out_text(detail, "from", NULL, from);
    if (to != NULL)
        out_text(detail, "to", NULL, to);
    out_text(detail, "file", NULL, step->want.file);
    return store_event(c, s, kind, step->want.account.name, NULL, NULL, cause, detail);
}

static enum nhi_err put_change(struct ctl *c, struct store *s, const struct agent_step *step)
{
    const struct nhi_agent *a = &step->want;
    struct out_row *detail;
    enum nhi_err err = nhi_agent_change(s->l, a);

    if (err != NHI_OK || (step->what & (STEP_CHANGE | STEP_REVIEW | STEP_ADOPT)) == 0)
        return err;
    detail = out_row_new(c->out);
    out_text(detail, "purpose", NULL, a->purpose);
    out_day(detail, "had", NULL, step->had.review_by);
    out_day(detail, "review_by", NULL, a->review_by);
    out_text(detail, "shell", NULL, a->account.shell);
    out_list(detail, "groups", NULL, a->group_names);
    out_text(detail, "file", NULL, a->file);
    return store_event(c, s, "agent-change", a->account.name, NULL, NULL, NULL, detail);
}

static enum nhi_err put_resume(struct ctl *c, struct store *s, const struct agent_step *step)
{
    const char *name = step->want.account.name;
    enum nhi_err err = nhi_agent_release(s->l, name, NHI_HELD_UNDECLARED, BACK, c->now);

    if (err != NHI_OK || (step->had.held & ~(uint32_t)NHI_HELD_UNDECLARED) != 0)
        return err;
    return event(c, s, step, "agent-resume", BACK, NULL, NULL);
}

static enum nhi_err put_suspend(struct ctl *c, struct store *s, const struct agent_step *step)
{
    enum nhi_err err =
        nhi_agent_hold(s->l, step->want.account.name, NHI_HELD_UNDECLARED, REMOVED, c->now);

    return err == NHI_OK ? event(c, s, step, "agent-suspend", REMOVED, NULL, NULL) : err;
}

static enum nhi_err put_step(struct ctl *c, struct store *s, const struct agent_step *step)
{
    enum nhi_err err = NHI_OK;

    if ((step->what & STEP_ADD) != 0)
        return agent_new_record(c, s, &step->want);
    if ((step->what & STEP_SUSPEND) != 0)
        return put_suspend(c, s, step);
    if ((step->what & STEP_TRANSFER) != 0) {
        err = nhi_agent_transfer(s->l, step->want.account.name, step->want.owner);
        if (err == NHI_OK)
            err = event(c, s, step, "agent-transfer", NULL, step->had.owner, step->want.owner);
    }
    if (err == NHI_OK)
        err = put_change(c, s, step);
    if (err == NHI_OK && (step->what & STEP_RESUME) != 0)
        err = put_resume(c, s, step);
    return err;
}

enum nhi_err agents_put(struct ctl *c, struct store *s, const struct agents_plan *p)
{
    enum nhi_err err = NHI_OK;

    for (size_t i = 0; i < p->count && err == NHI_OK; i++)
        err = put_step(c, s, &p->steps[i]);
    return err;
}

int agents_make_homes(struct ctl *c, const struct agents_plan *p)
{
    int code = CTL_DONE, one;

    for (size_t i = 0; i < p->count; i++) {
        if (p->steps[i].what != STEP_ADD || p->steps[i].no_home)
            continue;
        one = home_make(c, &p->steps[i].want.account);
        if (one != CTL_DONE)
            code = one;
    }
    return code;
}

void agents_free(struct agents_plan *p)
{
    nhi_agent_conf_free(&p->conf);
    free(p->steps);
    memset(p, 0, sizeof(*p));
}
