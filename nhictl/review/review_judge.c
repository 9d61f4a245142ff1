/* SPDX-License-Identifier: ISC */
/*
 * The findings of review: each with its evidence, the entry of the OWASP Non-Human Identities Top 10 (2025) that it
 * belongs to, and the command that resolves it.
 */
#include "nhictl/review/review_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/review/review_list.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/format.h"
#include "nhictl/say/out.h"
#include "nhictl/say/shell.h"

#define DAY 86400
#define COVERED 95 /* percent of a span: an agent that always holds a ticket holds one for longer than this */
#define LONG_MIN 3 /* tickets, from which on their length is a finding about the agent */

/* ---- findings ---- */

static struct finding *find(struct review *r, enum review_level level, const char *kind, const char *owasp,
                            const char *agent)
{
    struct finding *f;

    r->findings = out_grow(r->findings, &r->room, r->count + 1, sizeof(*r->findings));
    f = &r->findings[r->count++];
    memset(f, 0, sizeof(*f));
    f->level = level;
    f->kind = kind;
    f->owasp = owasp;
    snprintf(f->agent, sizeof(f->agent), "%s", agent);
    return f;
}

static void judge_owner(struct review *r, struct seen_agent *s)
{
    const struct nhi_agent *a = &s->a;
    struct finding *f;

    if (!s->owner_gone && a->owner[0] != '\0')
        return;
    f = find(r, REVIEW_HIGH, "owner-gone", "NHI1", a->account.name);
    f->evidence = a->owner[0] == '\0' ? out_say("it has no owner") : out_say("its owner %s is off-boarded", a->owner);
    f->command = out_say("nhictl agent transfer %s --owner OWNER%s", a->account.name,
                         (a->held & NHI_HELD_OFFBOARDED) != 0 ? " --resume" : "");
}

static void judge_review(struct review *r, const struct nhi_agent *a)
{
    int64_t over = r->c->now - a->review_by;
    char due[NHI_TIME_LEN + 1], next[NHI_TIME_LEN + 1];
    struct finding *f;

    if (over < 0)
        return;
    f = find(r, over > 30 * DAY ? REVIEW_HIGH : REVIEW_MEDIUM, "review-overdue", "NHI1", a->account.name);
    f->evidence = out_say("its owner %s did not review it by %s", a->owner, review_day(a->review_by, due));
    f->command = out_say("nhictl agent certify %s --review-by %s --because TEXT", a->account.name,
                         review_day(r->c->now + 180 * DAY, next));
}

static void judge_use(struct review *r, const struct nhi_agent *a)
{
    int64_t last = a->last_used != 0 ? a->last_used : a->created;
    char since[NHI_TIME_LEN + 1];
    struct finding *f;

    if (a->state != NHI_AGENT_ACTIVE || r->c->now - last < r->limits.unused)
        return;
    f = find(r, REVIEW_MEDIUM, "unused", "NHI1", a->account.name);
    f->evidence = a->last_used != 0 ? out_say("last used on %s", review_day(last, since))
                                    : out_say("never used since %s", review_day(last, since));
    f->command = out_say("nhictl trace --agent %s", a->account.name);
}

static void judge_kinds(struct review *r, struct seen_agent *s)
{
    char *names, *owner;
    struct finding *f;

    if (s->kinds.count <= r->limits.kinds)
        return;
    names = review_listed(&s->kinds);
    owner = shell_quote(s->a.owner);
    f = find(r, REVIEW_MEDIUM, "overused", "NHI9", s->a.account.name);
    f->evidence = out_say("%zu unrelated kinds of tasks: %s", s->kinds.count, names);
    f->command = out_say("nhictl agent add NAME --owner %s --purpose TEXT --review-by DATE", owner);
    free(names);
    free(owner);
}

static void judge_shared(struct review *r, struct seen_agent *s)
{
    const struct {
        const char *what;
        struct text_set *texts;
    } all[] = { { "addresses", &s->sources }, { "keys", &s->keys }, { "hosts", &s->hosts } };

    for (size_t i = 0; i < 3; i++) {
        struct finding *f;
        char *names;

        if (all[i].texts->count <= r->limits.sources)
            continue;
        names = review_listed(all[i].texts);
        f = find(r, REVIEW_MEDIUM, "shared-agent", "NHI9", s->a.account.name);
        f->evidence = out_say("seen with %zu %s: %s", all[i].texts->count, all[i].what, names);
        f->command = out_say("nhictl ticket list --agent %s --all", s->a.account.name);
        free(names);
    }
}

static void judge_denials(struct review *r, struct seen_agent *s)
{
    struct finding *f;
    char *names;

    if (s->denials < r->limits.denials)
        return;
    names = review_listed(&s->refused);
    f = find(r, REVIEW_HIGH, "probing", "NHI2", s->a.account.name);
    f->evidence = out_say("%u attempts were denied: %s", s->denials, names);
    f->command = out_say("nhictl trace --agent %s", s->a.account.name);
    free(names);
}

static void judge_bearer(struct review *r, struct seen_agent *s)
{
    char *task, *account;
    struct finding *f;

    if (s->bearer_logins < r->limits.bearers)
        return;
    task = shell_quote(s->task);
    account = shell_quote(s->account);
    f = find(r, REVIEW_LOW, "bearer", "NHI4", s->a.account.name);
    f->evidence = out_say("%u remote logins with a ticket that is not bound to a key", s->bearer_logins);
    f->command = out_say("nhictl issue --agent %s --task %s --account %s --service sshd --bind-key FILE.pub",
                         s->a.account.name, task, account);
    free(task);
    free(account);
}

static void judge_length(struct review *r, struct seen_agent *s)
{
    char use[OUT_AGO_LEN], ttl[OUT_AGO_LEN];
    struct finding *f;

    if (s->long_tickets < LONG_MIN || s->long_tickets * 2 <= s->used_tickets)
        return;
    out_span(s->longest_use, use);
    out_span((2 * s->longest_use + 59) / 60 * 60, ttl);
    f = find(r, REVIEW_LOW, "overlong", "NHI7", s->a.account.name);
    f->evidence = out_say("%u of %u tickets lived %u times as long as they were used, which was %s at most",
                          s->long_tickets, s->used_tickets, r->limits.longer, use);
    f->command = out_say("nhictl issue --agent %s --task TASK --account ACCOUNT --ttl %s", s->a.account.name, ttl);
}

static int by_from(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    return x->from < y->from ? -1 : x->from > y->from;
}

/* How many of the seconds since then it held a ticket. */
static int64_t covered(struct seen_agent *s, int64_t since, int64_t now)
{
    int64_t sum = 0, at = since;

    if (s->span_count > 0)
        qsort(s->spans, s->span_count, sizeof(*s->spans), by_from);
    for (size_t i = 0; i < s->span_count; i++) {
        int64_t from = s->spans[i].from > at ? s->spans[i].from : at;
        int64_t to = s->spans[i].to < now ? s->spans[i].to : now;

        if (to <= from)
            continue;
        sum += to - from;
        at = to;
    }
    return sum;
}

static void judge_standing(struct review *r, struct seen_agent *s)
{
    int64_t sum = covered(s, r->c->now - r->limits.standing, r->c->now);
    char span[OUT_AGO_LEN];
    struct finding *f;

    if (sum * 100 < r->limits.standing * COVERED)
        return;
    out_span(r->limits.standing, span);
    f = find(r, REVIEW_MEDIUM, "standing", "NHI7", s->a.account.name);
    f->evidence =
        out_say("it held a ticket for %lld percent of the last %s", (long long)(sum * 100 / r->limits.standing), span);
    f->command = out_say("nhictl ticket list --agent %s", s->a.account.name);
}

static void judge_lineage(struct review *r, struct seen_lineage *l)
{
    struct text_set *w = l->remote.count > 1 ? &l->remote : &l->local;
    struct finding *f;
    char *names;

    if (l->hand_offs == 0 && w->count <= 1)
        return;
    names = review_listed(w);
    f = find(r, l->bound ? REVIEW_MEDIUM : REVIEW_HIGH, l->bound ? "shared-key" : "handed-off",
             l->bound ? "NHI9" : "NHI2", l->agent);
    memcpy(f->task, l->task, sizeof(f->task));
    memcpy(f->jti, l->root, sizeof(f->jti));
    if (w->count > 1)
        f->evidence = out_say("ticket %s was used in %zu places: %s", l->root, w->count, names);
    else
        f->evidence = out_say("ticket %s was shown in another place than its first use, %u time%s", l->root,
                              l->hand_offs, l->hand_offs == 1 ? "" : "s");
    f->command = out_say("nhictl trace --ticket %s", l->root);
    free(names);
}

static void judge_task(struct review *r, const struct seen_task *t)
{
    int64_t since = t->last > t->issued ? t->last : t->issued;
    char span[OUT_AGO_LEN];
    struct finding *f;
    char *id;

    if (r->c->now - since < r->limits.quiet)
        return;
    out_span(r->c->now - since, span);
    id = shell_quote(t->id);
    f = find(r, REVIEW_MEDIUM, "quiet-task", "NHI7", t->agent);
    memcpy(f->task, t->id, sizeof(f->task));
    f->evidence = out_say("task %s has %u live ticket%s, and %s for %s", t->id, t->live, t->live == 1 ? "" : "s",
                          t->last != 0 ? "was not used" : "was never used", span);
    f->command = out_say("nhictl task show %s", id);
    free(id);
}

/* A daemon's job has the name of the account, which may be an agent's own. */
static const char *of_agent(const struct review *r, const struct job *j)
{
    for (size_t i = 0; i < r->agent_count && j->agent[0] == '\0'; i++)
        if (strcmp(r->agents[i].a.account.name, j->name) == 0)
            return j->name;
    return j->agent;
}

/* As in status: a job that somebody has to look at. */
static void judge_job(struct review *r, const struct job *j)
{
    char ago[OUT_AGO_LEN];
    struct finding *f;

    if (j->count == 0)
        return;
    out_ago(j->at, r->c->now, ago);
    f = find(r, REVIEW_MEDIUM, "refused-job", "NHI1", of_agent(r, j));
    if (j->service[0] != '\0')
        f->evidence = out_say("%s did not run a job of %s (%s, %u time%s): %s", j->service, j->name, ago, j->count,
                              j->count == 1 ? "" : "s", j->why);
    else
        f->evidence =
            out_say("job %s did not run or did not finish (%s, %u time%s): %s",
                    j->name[0] != '\0' ? j->name : "without a name", ago, j->count, j->count == 1 ? "" : "s", j->why);
    f->command = f->agent[0] != '\0' ? out_say("nhictl trace --agent %s", f->agent) : out_say("nhictl status");
}

static void judge_counted(struct review *r, struct seen_refusals *n, const char *agent)
{
    struct finding *f;
    char *names;

    if (n->count < r->limits.denials)
        return;
    names = review_listed(&n->what);
    f = find(r, REVIEW_LOW, "refused", "NHI1", agent);
    f->evidence = out_say("refused %llu times: %s", (unsigned long long)n->count, names);
    f->command = agent[0] != '\0' ? out_say("nhictl trace --agent %s", agent) : out_say("nhictl audit export");
    free(names);
}

static int by_gravity(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    int order = (int)y->level - (int)x->level;

    if (order == 0)
        order = strcmp(x->owasp, y->owasp);
    if (order == 0)
        order = strcmp(x->kind, y->kind);
    if (order == 0)
        order = strcmp(x->agent, y->agent);
    if (order == 0)
        order = strcmp(x->task, y->task);
    return order != 0 ? order : strcmp(x->evidence, y->evidence);
}

void review_judge(struct review *r)
{
    for (size_t i = 0; i < r->agent_count; i++) {
        struct seen_agent *s = &r->agents[i];

        judge_denials(r, s);
        judge_counted(r, &s->counted, s->a.account.name);
        if (s->a.state == NHI_AGENT_RETIRED)
            continue;
        judge_owner(r, s);
        judge_review(r, &s->a);
        judge_use(r, &s->a);
        judge_kinds(r, s);
        judge_shared(r, s);
        judge_bearer(r, s);
        judge_length(r, s);
        judge_standing(r, s);
    }
    for (size_t i = 0; i < r->lineage_count; i++)
        judge_lineage(r, r->lineages[i]);
    for (size_t i = 0; i < r->task_count; i++)
        judge_task(r, r->tasks[i]);
    for (size_t i = 0; i < r->recent.job_count; i++)
        judge_job(r, &r->recent.job[i]);
    judge_counted(r, &r->others, "");
    if (r->count > 0)
        qsort(r->findings, r->count, sizeof(*r->findings), by_gravity);
}
