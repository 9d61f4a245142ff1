/* SPDX-License-Identifier: ISC */
/*
 * Reading a story: its own events, those of its context, and its sessions.
 */
#include "nhictl/trace/trace_read.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/process/sessions.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"
#include "nhictl/trace/trace_context.h"
#include "nhictl/trace/trace_sessions.h"
#include "nhictl/trace/trace_step.h"

#define COPY(to, from) snprintf((to), sizeof(to), "%s", (from))

struct reading {
    struct trace *t;
    char task[NHI_TASK_MAX + 1], agent[NHI_AGENT_MAX + 1]; /* empty: not known */
    char root[NHI_JTI_LEN + 1];                            /* the lineage of a story by ticket */
    struct trace_session of;                               /* the session of a story by session */
    bool found;
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

void trace_step_free(struct trace_step *s)
{
    free(s->detail);
    free(s);
}

void trace_free(struct trace *t)
{
    for (size_t i = 0; i < t->steps; i++)
        trace_step_free(t->step[i]);
    free(t->step);
    free(t->session);
    free(t->ticket);
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

static int64_t number_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_integer(v) ? (int64_t)json_integer_value(v) : -1;
}

static void read_actor(struct trace_step *s)
{
    json_t *o = json_loads(s->e.detail, JSON_REJECT_DUPLICATES, NULL);

    s->uid = number_of(o, "uid");
    s->loginuid = number_of(o, "loginuid");
    s->sudo_uid = number_of(o, "sudo_uid");
    s->ms = (int)number_of(o, "ms");
    json_decref(o);
}

static int add_step(const struct nhi_event *e, void *ctx)
{
    struct reading *r = ctx;
    struct trace *t = r->t;
    struct trace_step *s;
    bool direct = is_direct(r, e);

    if (!direct && !is_around(r, e) && !(t->by == TRACE_SESSION && is(e->agent, r->agent)))
        return 0;
    s = out_must(calloc(1, sizeof(*s)));
    s->e = *e;
    s->detail = out_must(strdup(e->detail));
    s->e.detail = s->detail;
    s->direct = direct;
    read_actor(s);
    t->step = out_grow(t->step, &t->step_room, t->steps + 1, sizeof(struct trace_step *));
    t->step[t->steps++] = s;
    return 0;
}

/* Records get into the ledger after the events that they are about, so numbers are not in the order of time. Within a
 * second, steps are in the order in which such things follow each other. */
static int rank(const struct trace_step *s)
{
    const char *kind = s->e.kind;

    if (is(kind, "agent-add") || is(kind, "policy-apply") || is(kind, "task-open"))
        return 0;
    if (is_issue(&s->e))
        return 1;
    if (is(s->e.decision, "permit"))
        return 2;
    if (is(kind, "session-end"))
        return is(s->e.reason, "closed") ? 3 : 6;
    return is(s->e.decision, "deny") ? 5 : 4;
}

/* An event that nhi found out by itself has no milliseconds: the end of a session comes after the events in it. */
static int ms_of(const struct trace_step *s)
{
    return s->ms >= 0 && s->ms <= 999 ? s->ms : 1000;
}

static int by_time(const void *a, const void *b)
{
    const struct trace_step *x = *(struct trace_step *const *)a, *y = *(struct trace_step *const *)b;

    if (x->e.at != y->e.at)
        return x->e.at < y->e.at ? -1 : 1;
    if (ms_of(x) != ms_of(y))
        return ms_of(x) - ms_of(y);
    if (rank(x) != rank(y))
        return rank(x) - rank(y);
    return x->e.seq < y->e.seq ? -1 : x->e.seq > y->e.seq;
}

/* A session that was opened from inside another belongs to it, and so do the sessions that it opened in turn. */
static bool is_in_session(const struct reading *r, const char *record)
{
    if (record[0] == '\0')
        return false;
    if (is(record, r->of.grant))
        return true;
    for (size_t i = 0; i < r->t->steps; i++)
        if (r->t->step[i]->direct && is(r->t->step[i]->e.record, record))
            return true;
    return false;
}

static void settle_session(struct reading *r)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0; i < r->t->steps; i++) {
            struct trace_step *s = r->t->step[i];
            const char *of = is(s->e.record, r->of.grant) ? s->e.record : s->e.within;

            if (!s->direct && is_in_session(r, of))
                more = s->direct = true;
        }
    }
}

static bool takes_session(const struct trace_session *s, const void *ctx)
{
    const struct reading *r = ctx;

    switch (r->t->by) {
    case TRACE_TASK:
        return is(s->task, r->task);
    case TRACE_AGENT:
        return is(s->agent, r->agent);
    case TRACE_TICKET:
        return is_of_lineage(r->t, s->jti);
    case TRACE_SESSION:
        return is_in_session(r, s->grant);
    }
    return false;
}

/* ---- the subject ---- */

static int add_ticket(const struct nhi_ticket_row *row, void *ctx)
{
    struct reading *r = ctx;
    struct trace *t = r->t;

    if ((t->by == TRACE_TICKET || t->by == TRACE_SESSION) && !is(row->root, r->root))
        return 0;
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

static int not_there(struct ctl *c, const struct trace *t)
{
    static const char *const hints[] = { "nhictl task list --all", "nhictl agent list", "nhictl ticket list --all",
                                         "nhictl session list" };

    return ctl_fail(c, CTL_REFUSED, hints[t->by], "there is no %s '%s' in the trail", trace_by_name(t->by), t->id);
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
    trace_add_sessions(t, live, takes_session, r);
    trace_keep_context(t);
    if (t->steps > 0)
        qsort(t->step, t->steps, sizeof(struct trace_step *), by_time);
    for (size_t i = 0; i < t->steps; i++)
        trace_describe(t, t->step[i]);
    return NHI_OK;
}

int trace_read(struct ctl *c, struct store *s, struct trace *t)
{
    struct sessions live = { .count = 0 };
    struct reading r = { .t = t };
    enum nhi_err err = sessions_load(&live);

    t->now = c->now;
    if (err != NHI_OK)
        ctl_note("the live sessions could not be read: %s", nhi_strerror(err));
    err = read_story(s, &r, &live);
    sessions_free(&live);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the trail");
    r.found = r.found || t->steps > 0 || (t->by == TRACE_TASK ? t->has_task : t->has_agent);
    return r.found ? CTL_DONE : not_there(c, t);
}
