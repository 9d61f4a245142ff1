/* SPDX-License-Identifier: ISC */
/*
 * Reading a story: its own events, those of its context, and its sessions.
 */
#include "nhictl/trace/trace_read.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/process/sessions.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/format.h"
#include "nhictl/say/out.h"
#include "nhictl/say/progress.h"
#include "nhictl/store/unknown.h"
#include "nhictl/trace/trace_context.h"
#include "nhictl/trace/trace_sessions.h"
#include "nhictl/trace/trace_step.h"

#define COPY(to, from) snprintf((to), sizeof(to), "%s", (from))

struct reading {
    struct trace *t;
    char task[NHI_TASK_MAX + 1], agent[NHI_AGENT_MAX + 1]; /* empty: not known */
    char root[NHI_JTI_LEN + 1];                            /* the lineage of a story by ticket */
    struct trace_session of;                               /* the session of a story by session */
    bool found, chart;
    struct trace_kids kids;
    struct seen {
        char key[4 * NHI_WORD_MAX + NHI_AGENT_MAX + 3 * sizeof(int64_t) + 8];
        size_t len;
        unsigned char word, who; /* columns */
    } seen[64];
};

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_issue(const struct nhi_event *e)
{
    return is(e->kind, "issue") || is(e->kind, "import") || is(e->kind, "renew");
}

void trace_free(struct trace *t)
{
    for (size_t i = 0; i < t->steps; i++)
        trace_around_free(t->step[i].around);
    for (size_t i = 0; i < t->spans; i++)
        free(t->span[i].handle);
    free(t->step);
    free(t->span);
    free(t->live);
    free(t->ticket);
    nhi_event_reader_close(t->reader);
}

const char *trace_by_name(enum trace_by by)
{
    return (const char *[]){ "task", "agent", "ticket", "session" }[by];
}

/* ---- which events ---- */

static bool is_of_lineage(const struct trace *t, const char *jti)
{
    if (is(jti, t->id))
        return true;
    for (size_t i = 0; i < t->tickets; i++)
        if (is(t->ticket[i].ticket.jti, jti))
            return true;
    return false;
}

static bool is_direct(const struct reading *r, const struct nhi_event *e)
{
    switch (r->t->by) {
    case TRACE_TASK:
        return is(e->task, r->task);
    case TRACE_AGENT:
        return is(e->agent, r->agent);
    case TRACE_TICKET:
        return e->jti[0] != '\0' && is_of_lineage(r->t, e->jti);
    case TRACE_SESSION:
        return e->jti[0] != '\0' &&
               (is(e->kind, "revoke") ? is_of_lineage(r->t, e->jti) : is_issue(e) && is(e->jti, r->of.jti));
    }
    return false;
}

/* Whether an event may end or permit it without naming it: on its task, its agent, an issuer, the policy, a
 * lockdown. */
static bool is_around(const struct reading *r, const struct nhi_event *e)
{
    if (e->jti[0] != '\0')
        return false;
    if (e->task[0] != '\0')
        return is(e->task, r->task);
    if (e->agent[0] != '\0')
        return is(e->agent, r->agent);
    return begins(e->kind, "lockdown") || begins(e->kind, "key-re") || is(e->kind, "policy-apply") ||
           is(e->kind, "revoke");
}

/* Records get into the ledger after the events that they are about, so numbers are not in the order of time. Within a
 * second, steps are in the order in which such things follow each other. */
static unsigned char order_of(const struct nhi_event *e)
{
    const char *kind = e->kind;

    if (is(kind, "agent-add") || is(kind, "policy-apply") || is(kind, "task-open"))
        return 0;
    if (is_issue(e))
        return 1;
    if (is(e->decision, "permit"))
        return 2;
    if (is(kind, "session-end"))
        return is(e->reason, "closed") ? 3 : 6;
    return is(e->decision, "deny") ? 5 : 4;
}

static bool ends_tickets(const char *kind)
{
    return is(kind, "revoke") || is(kind, "task-close") || begins(kind, "key-re") || is(kind, "agent-suspend") ||
           is(kind, "agent-retire");
}

static bool takes_session(const struct reading *r, const struct trace_session *s)
{
    switch (r->t->by) {
    case TRACE_TASK:
        return is(s->task, r->task);
    case TRACE_AGENT:
        return is(s->agent, r->agent);
    case TRACE_TICKET:
        return is_of_lineage(r->t, s->jti);
    case TRACE_SESSION:
        return true; /* until it is settled which decisions belong to it */
    }
    return false;
}

/* The columns of a list need the widest of each. Most events are of a few kinds by the same few: the last ones are
 * remembered, by all that words and names are made from. */
static const struct seen *measure(struct reading *r, const struct nhi_event *e)
{
    struct trace_told *told = &r->t->told;
    const char *const parts[] = { e->kind, e->decision, e->source, e->reason, e->agent };
    const int64_t people[] = { told->uid, told->loginuid, told->sudo_uid };
    char key[sizeof(r->seen[0].key)], *end = key;
    struct seen *s;
    size_t at = 0, len;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        end = stpcpy(stpcpy(end, parts[i]), " ");
    memcpy(end, people, sizeof(people));
    len = (size_t)(end - key) + sizeof(people);
    for (size_t i = 0; i < len; i++)
        at = at * 31 + (unsigned char)key[i];
    s = &r->seen[at % (sizeof(r->seen) / sizeof(r->seen[0]))];
    if (s->len == len && memcmp(s->key, key, len) == 0)
        return s;
    memcpy(s->key, key, len);
    s->len = len;
    told->e = *e;
    trace_describe(r->t, told);
    s->word = (unsigned char)out_width(told->word);
    s->who = (unsigned char)out_width(told->who);
    return s;
}

static void widen(struct trace *t)
{
    t->word_width = strlen("step");
    t->who_width = strlen("who");
    for (size_t i = 0; i < t->steps; i++) {
        t->word_width = t->step[i].word > t->word_width ? t->step[i].word : t->word_width;
        t->who_width = t->step[i].who > t->who_width ? t->step[i].who : t->who_width;
    }
}

static int add_step(const struct nhi_event *e, void *ctx)
{
    struct reading *r = ctx;
    struct trace *t = r->t;
    struct trace_told *told = &t->told;
    struct trace_session ended;
    const struct seen *seen;
    struct trace_step *s;
    bool direct = is_direct(r, e);

    progress_step(0);
    if (!direct && !is_around(r, e) && !(t->by == TRACE_SESSION && is(e->agent, r->agent)))
        return 0;
    t->step = out_grow(t->step, &t->step_room, t->steps + 1, sizeof(*t->step));
    s = &t->step[t->steps++];
    memset(s, 0, sizeof(*s));
    told->e.detail = e->detail;
    trace_read_actor(told);
    seen = measure(r, e);
    s->word = seen->word;
    s->who = seen->who;
    s->seq = e->seq;
    s->at = e->at;
    /* An event that nhi found out by itself has no milliseconds: the end of a session comes after the events in it. */
    s->ms = told->ms >= 0 && told->ms <= 999 ? told->ms : 1000;
    s->order = order_of(e);
    s->direct = direct;
    s->denied = is(e->decision, "deny");
    s->ends_tickets = ends_tickets(e->kind);
    if (!direct || t->by == TRACE_SESSION)
        s->around = trace_around_new(e);
    else
        trace_note_kid(&r->kids, e->kid);
    if (is(e->kind, "session-end")) {
        trace_read_end(e, &ended);
        if (takes_session(r, &ended))
            trace_add_ended(t, e, &ended);
    }
    return 0;
}

static int by_time(const void *a, const void *b)
{
    const struct trace_step *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (x->ms != y->ms)
        return x->ms - y->ms;
    if (x->order != y->order)
        return (int)x->order - (int)y->order;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* ---- the sessions of a session ---- */

struct grants {
    const char **record;
    size_t count;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has(const struct grants *g, const char *record)
{
    return g->count > 0 && bsearch(&record, g->record, g->count, sizeof(*g->record), by_text) != NULL;
}

/* The decisions of direct steps, and the one that opened the session itself. */
static void collect(const struct reading *r, struct grants *g)
{
    g->count = 0;
    if (r->of.grant[0] != '\0')
        g->record[g->count++] = r->of.grant;
    for (size_t i = 0; i < r->t->steps; i++)
        if (r->t->step[i].direct && r->t->step[i].around->record[0] != '\0')
            g->record[g->count++] = r->t->step[i].around->record;
    qsort(g->record, g->count, sizeof(*g->record), by_text);
}

/* A session that was opened from inside another belongs to it, and so do the sessions that it opened in turn. */
static void settle_session(struct reading *r)
{
    struct trace *t = r->t;
    struct grants g = { .record = out_must(calloc(t->steps + 1, sizeof(*g.record))) };
    size_t kept = 0;
    bool more = true;

    while (more) {
        more = false;
        collect(r, &g);
        for (size_t i = 0; i < t->steps; i++) {
            struct trace_step *s = &t->step[i];
            const char *of = is(s->around->record, r->of.grant) ? s->around->record : s->around->within;

            if (!s->direct && of[0] != '\0' && has(&g, of))
                more = s->direct = true;
        }
    }
    for (size_t i = 0; i < t->spans; i++) {
        if (t->span[i].grant[0] != '\0' && has(&g, t->span[i].grant))
            t->span[kept++] = t->span[i];
        else
            free(t->span[i].handle);
    }
    t->spans = kept;
    free(g.record);
}

static bool is_in_session(const struct reading *r, const char *record)
{
    if (record[0] == '\0')
        return false;
    if (is(record, r->of.grant))
        return true;
    for (size_t i = 0; i < r->t->steps; i++)
        if (r->t->step[i].direct && is(r->t->step[i].around->record, record))
            return true;
    return false;
}

static void add_live(struct reading *r, const struct sessions *live)
{
    struct trace_session s;

    for (size_t i = 0; i < live->count; i++) {
        trace_from_grant(live->all[i].handle, &live->all[i].g, &s);
        if (takes_session(r, &s) && (r->t->by != TRACE_SESSION || is_in_session(r, s.grant)))
            trace_add_live(r->t, &s);
    }
}

/* ---- the subject ---- */

/* A chart shows the last ones only; a lineage is needed whole. */
static int add_ticket(const struct nhi_ticket_row *row, void *ctx)
{
    struct reading *r = ctx;
    struct trace *t = r->t;
    bool lineage = t->by == TRACE_TICKET || t->by == TRACE_SESSION;

    if (lineage && !is(row->root, r->root))
        return 0;
    t->ticket_count++;
    t->any_ticket = t->any_ticket || (!row->revoked && !row->superseded && t->now < row->ticket.exp);
    if (!lineage && !r->chart)
        return 0;
    if (!lineage && t->tickets == 2 * TRACE_BARS_MAX) {
        memmove(t->ticket, t->ticket + TRACE_BARS_MAX, TRACE_BARS_MAX * sizeof(*t->ticket));
        t->tickets = TRACE_BARS_MAX;
    }
    t->ticket = out_grow(t->ticket, &t->ticket_room, t->tickets + 1, sizeof(*t->ticket));
    t->ticket[t->tickets++] = *row;
    return 0;
}

static void found(struct reading *r, const char *task, const char *agent)
{
    COPY(r->task, task);
    COPY(r->agent, agent);
    r->found = true;
}

/* A ticket may have been used without being recorded at its issue; a session is found by its events. */
static int look_at(const struct nhi_event *e, void *ctx)
{
    struct reading *r = ctx;
    const char *id = r->t->id;
    struct trace_session s = { .grant = "" };

    if (r->t->by == TRACE_TICKET) {
        if (is(e->jti, id))
            found(r, e->task, e->agent);
        return r->found;
    }
    if (is(e->kind, "session-end"))
        trace_read_end(e, &s);
    else if (is(e->record, id) && is(e->decision, "permit"))
        COPY(s.grant, e->record);
    if (s.grant[0] == '\0' || (!is(s.grant, id) && !is(s.handle, id)))
        return 0;
    COPY(s.jti, e->jti);
    r->of = s;
    found(r, e->task, e->agent);
    return 0;
}

static enum nhi_err find(struct store *s, struct reading *r, const struct sessions *live)
{
    const struct trace *t = r->t;
    struct nhi_ticket_row row;
    enum nhi_err err;

    if (t->by == TRACE_TASK)
        COPY(r->task, t->id);
    if (t->by == TRACE_AGENT)
        COPY(r->agent, t->id);
    if (t->by == TRACE_TASK || t->by == TRACE_AGENT)
        return NHI_OK;
    for (size_t i = 0; t->by == TRACE_SESSION && i < live->count; i++)
        if (is(live->all[i].handle, t->id) || is(live->all[i].g.id, t->id)) {
            trace_from_grant(live->all[i].handle, &live->all[i].g, &r->of);
            found(r, r->of.task, r->of.agent);
        }
    if (t->by == TRACE_TICKET && nhi_ticket_get(s->l, t->id, &row) == NHI_OK) {
        COPY(r->root, row.root);
        found(r, row.ticket.task, row.ticket.agent);
    }
    if (!r->found && (err = nhi_event_each(s->l, 0, INT32_MAX, look_at, r)) != NHI_OK)
        return err;
    if (t->by == TRACE_SESSION && nhi_ticket_get(s->l, r->of.jti, &row) == NHI_OK)
        COPY(r->root, row.root);
    return NHI_OK;
}

static int not_there(struct ctl *c, const struct store *s, const struct trace *t)
{
    if (t->by == TRACE_TASK)
        return unknown_task(c, s, t->id);
    if (t->by == TRACE_AGENT)
        return unknown_agent(c, s, t->id);
    return ctl_fail(c, CTL_REFUSED, t->by == TRACE_TICKET ? "nhictl ticket list --all" : "nhictl session list",
                    "there is no %s '%s'", trace_by_name(t->by), t->id);
}

static enum nhi_err read_story(struct store *s, struct reading *r, const struct sessions *live)
{
    struct trace *t = r->t;
    enum nhi_err err = find(s, r, live);

    if (err != NHI_OK)
        return err;
    COPY(t->host, s->set.host);
    t->has_task = r->task[0] != '\0' && nhi_task_get(s->l, r->task, &t->task) == NHI_OK;
    if (r->agent[0] == '\0' && t->has_task)
        COPY(r->agent, t->task.agent);
    t->has_agent = r->agent[0] != '\0' && nhi_agent_get(s->l, r->agent, &t->agent) == NHI_OK;
    /* Those of an agent matter on the chart only. */
    if (t->by != TRACE_AGENT || r->chart)
        err = nhi_ticket_each(s->l,
                              &(struct nhi_ticket_filter){ .agent = t->by == TRACE_AGENT ? r->agent : NULL,
                                                           .task = t->by == TRACE_AGENT ? NULL : r->task },
                              add_ticket, r);
    if (s->set.archived_before > (t->has_task ? t->task.opened : t->has_agent ? t->agent.created : 0))
        t->archived_before = s->set.archived_before;
    if (err == NHI_OK)
        err = nhi_event_each_of(s->l, r->task[0] != '\0' ? r->task : NULL, r->agent[0] != '\0' ? r->agent : NULL,
                                add_step, r);
    if (err != NHI_OK)
        return err;
    if (t->by == TRACE_SESSION)
        settle_session(r);
    add_live(r, live);
    trace_sort_sessions(t);
    trace_keep_context(t, &r->kids);
    widen(t);
    if (t->steps > 0)
        qsort(t->step, t->steps, sizeof(*t->step), by_time);
    return NHI_OK;
}

int trace_read(struct ctl *c, struct store *s, struct trace *t, bool chart)
{
    struct sessions live = { .count = 0 };
    struct reading r = { .t = t, .chart = chart };
    enum nhi_err err = sessions_load(&live);

    t->now = c->now;
    if (err != NHI_OK)
        ctl_note("the live sessions could not be read: %s", nhi_strerror(err));
    progress_begin(c, "reading events");
    err = nhi_event_reader_open(s->l, &t->reader);
    if (err == NHI_OK)
        err = read_story(s, &r, &live);
    sessions_free(&live);
    free(r.kids.kid);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the trail");
    r.found = r.found || t->steps > 0 || (t->by == TRACE_TASK ? t->has_task : t->has_agent);
    return r.found ? CTL_DONE : not_there(c, s, t);
}
