/*
 * What is found in what was seen: each with its evidence, the entry of the OWASP Non-Human
 * Identities Top 10 (2025) that it belongs to, and the command that resolves it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nhictl/ctl.h"
#include "nhictl/review.h"

#define DAY 86400
#define COVERED 95 /* of 100 parts of a span, in which an agent that never lets go holds a ticket  \
                    */
#define LONG_MIN 3 /* tickets, before their length says something of their agent */

const char *review_level_name(enum review_level level)
{
    switch (level) {
    case REVIEW_LOW:
        return "low";
    case REVIEW_MEDIUM:
        return "medium";
    case REVIEW_HIGH:
        return "high";
    }
    return "unknown";
}

const char *review_owasp_title(const char *owasp)
{
    static const struct {
        const char *entry, *title;
    } titles[] = {
        { "NHI1", "Improper Offboarding" },    { "NHI2", "Secret Leakage" },
        { "NHI4", "Insecure Authentication" }, { "NHI5", "Overprivileged NHI" },
        { "NHI7", "Long-Lived Secrets" },      { "NHI9", "NHI Reuse" },
    };

    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        if (strcmp(titles[i].entry, owasp) == 0)
            return titles[i].title;
    return "";
}

/* ---- words ---- */

__attribute__((format(printf, 1, 2))) static char *say(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    return out_must(text);
}

/* A word as a shell takes it for that word. */
static char *quoted(const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "@%+=:,./_-";
    char *out, *to;

    if (word[0] != '\0' && word[strspn(word, plain)] == '\0')
        return out_must(strdup(word));
    out = to = out_must(malloc(4 * strlen(word) + 3));
    *to++ = '\'';
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            to += sprintf(to, "'\\'");
        *to++ = *word;
    }
    *to++ = '\'';
    *to = '\0';
    return out;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "a, b, c and 4 more". The caller's to free. */
static char *listed(struct words *w)
{
    char *text = out_must(strdup("")), *more;

    /* Events of one second have no order. */
    if (w->count > 0)
        qsort(w->word, w->count, sizeof(w->word[0]), by_text);
    for (size_t i = 0; i < w->count && i < 3; i++) {
        more = say("%s%s%s", text, i > 0 ? ", " : "", w->word[i]);
        free(text);
        text = more;
    }
    if (w->count <= 3)
        return text;
    more = say("%s and %zu more", text, w->count - 3);
    free(text);
    return more;
}

static const char *day(int64_t t, char buf[NHI_TIME_LEN + 1])
{
    if (nhi_time_format(t, buf) != NHI_OK)
        return "?";
    buf[10] = '\0';
    return buf;
}

/* ---- findings ---- */

static struct finding *find(struct review *r, enum review_level level, const char *kind,
                            const char *owasp, const char *agent)
{
    struct finding *f;

    if (r->count == r->room) {
        r->room = r->room * 2 + 16;
        r->findings = out_must(reallocarray(r->findings, r->room, sizeof(*r->findings)));
    }
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
    f->evidence = a->owner[0] == '\0' ? say("nobody answers for it")
                                      : say("its owner %s is off-boarded", a->owner);
    f->command = say("nhictl agent transfer %s --owner OWNER%s", a->account.name,
                     (a->held & NHI_HELD_OFFBOARDED) != 0 ? " --resume" : "");
}

static void judge_review(struct review *r, const struct nhi_agent *a)
{
    int64_t over = r->c->now - a->review_by;
    char due[NHI_TIME_LEN + 1], next[NHI_TIME_LEN + 1];
    struct finding *f;

    if (over < 0)
        return;
    f = find(r, over > 30 * DAY ? REVIEW_HIGH : REVIEW_MEDIUM, "review-overdue", "NHI1",
             a->account.name);
    f->evidence =
        say("%s was to say by %s whether it is still needed", a->owner, day(a->review_by, due));
    f->command = say("nhictl agent certify %s --review-by %s --because TEXT", a->account.name,
                     day(r->c->now + 180 * DAY, next));
}

static void judge_use(struct review *r, const struct nhi_agent *a)
{
    int64_t last = a->last_used != 0 ? a->last_used : a->created;
    char since[NHI_TIME_LEN + 1];
    struct finding *f;

    if (a->state != NHI_AGENT_ACTIVE || r->c->now - last < r->limits.unused)
        return;
    f = find(r, REVIEW_MEDIUM, "unused", "NHI1", a->account.name);
    f->evidence = a->last_used != 0 ? say("last used on %s", day(last, since))
                                    : say("never used since %s", day(last, since));
    f->command = say("nhictl agent retire %s --reason unused", a->account.name);
}

static void judge_kinds(struct review *r, struct seen_agent *s)
{
    char *names, *owner;
    struct finding *f;

    if (s->kinds.count <= r->limits.kinds)
        return;
    names = listed(&s->kinds);
    owner = quoted(s->a.owner);
    f = find(r, REVIEW_MEDIUM, "overused", "NHI9", s->a.account.name);
    f->evidence = say("%zu unrelated kinds of tasks: %s", s->kinds.count, names);
    f->command = say("nhictl agent add NAME --owner %s --purpose TEXT --review-by DATE", owner);
    free(names);
    free(owner);
}

static void judge_shared(struct review *r, struct seen_agent *s)
{
    const struct {
        const char *what;
        struct words *words;
    } all[] = { { "addresses", &s->sources }, { "keys", &s->keys }, { "hosts", &s->hosts } };

    for (size_t i = 0; i < 3; i++) {
        struct finding *f;
        char *names;

        if (all[i].words->count <= r->limits.sources)
            continue;
        names = listed(all[i].words);
        f = find(r, REVIEW_MEDIUM, "shared-agent", "NHI9", s->a.account.name);
        f->evidence = say("seen with %zu %s: %s", all[i].words->count, all[i].what, names);
        f->command = say("nhictl ticket list --agent %s --all", s->a.account.name);
        free(names);
    }
}

static void judge_denials(struct review *r, struct seen_agent *s)
{
    struct finding *f;
    char *names;

    if (s->denials < r->limits.denials)
        return;
    names = listed(&s->refused);
    f = find(r, REVIEW_HIGH, "probing", "NHI2", s->a.account.name);
    f->evidence = say("%u attempts were denied: %s", s->denials, names);
    f->command = say("nhictl agent suspend %s --reason probing", s->a.account.name);
    free(names);
}

static void judge_bearer(struct review *r, struct seen_agent *s)
{
    char *task, *account;
    struct finding *f;

    if (s->bearer_logins < r->limits.bearers)
        return;
    task = quoted(s->task);
    account = quoted(s->account);
    f = find(r, REVIEW_LOW, "bearer", "NHI4", s->a.account.name);
    f->evidence =
        say("%u logins from elsewhere with a ticket that is bound to no key", s->bearer_logins);
    f->command = say("nhictl issue --agent %s --task %s --account %s --service sshd --bind-key "
                     "FILE.pub",
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
    f->evidence = say("%u of %u tickets lived %u times as long as they were used, which was %s at "
                      "most",
                      s->long_tickets, s->used_tickets, r->limits.longer, use);
    f->command = say("nhictl issue --agent %s --task TASK --account ACCOUNT --ttl %s",
                     s->a.account.name, ttl);
}

static int by_from(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    return x->from < y->from ? -1 : x->from > y->from;
}

/* How many seconds since then it held a ticket. */
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
    f->evidence = say("it held a ticket in %lld of 100 parts of the last %s",
                      (long long)(sum * 100 / r->limits.standing), span);
    f->command = say("nhictl revoke --agent %s --reason standing", s->a.account.name);
}

static void judge_lineage(struct review *r, struct seen_lineage *l)
{
    struct words *w = l->remote.count > 1 ? &l->remote : &l->local;
    struct finding *f;
    char *names;

    if (l->hand_offs == 0 && w->count <= 1)
        return;
    names = listed(w);
    f = find(r, l->bound ? REVIEW_MEDIUM : REVIEW_HIGH, l->bound ? "shared-key" : "handed-off",
             l->bound ? "NHI9" : "NHI2", l->agent);
    memcpy(f->task, l->task, sizeof(f->task));
    memcpy(f->jti, l->root, sizeof(f->jti));
    if (w->count > 1)
        f->evidence = say("ticket %s was used in %zu places: %s", l->root, w->count, names);
    else
        f->evidence = say("ticket %s was shown elsewhere than where it was first used, %u time%s",
                          l->root, l->hand_offs, l->hand_offs == 1 ? "" : "s");
    f->command = say("nhictl revoke --ticket %s --reason handed-off", l->root);
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
    id = quoted(t->id);
    f = find(r, REVIEW_MEDIUM, "quiet-task", "NHI7", t->agent);
    memcpy(f->task, t->id, sizeof(f->task));
    f->evidence =
        say("task %s has %u live ticket%s, and %s for %s", t->id, t->live, t->live == 1 ? "" : "s",
            t->last != 0 ? "was not used" : "was never used", span);
    f->command = say("nhictl task close %s --reason quiet", id);
    free(id);
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
    if (r->count > 0)
        qsort(r->findings, r->count, sizeof(*r->findings), by_gravity);
}
