/* SPDX-License-Identifier: ISC */
/*
 * The sessions of a story: those that have ended, from their events, and those that are live.
 */
#include "nhictl/trace/trace_sessions.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "nhictl/process/sessions.h"
#include "nhictl/say/out.h"

#define COPY(to, from) snprintf((to), sizeof(to), "%s", (from))

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static struct trace_session *new_session(struct trace *t)
{
    t->session = out_grow(t->session, &t->session_room, t->sessions + 1, sizeof(*t->session));
    return &t->session[t->sessions++];
}

void trace_read_end(const struct nhi_event *e, struct trace_session *s)
{
    json_t *o = json_loads(e->detail, JSON_REJECT_DUPLICATES, NULL);
    const char *began = json_string_value(json_object_get(o, "began"));

    memset(s, 0, sizeof(*s));
    COPY(s->handle, e->session);
    COPY(s->grant, e->within);
    COPY(s->account, e->account);
    COPY(s->service, e->service);
    COPY(s->reason, e->reason);
    COPY(s->agent, e->agent);
    COPY(s->task, e->task);
    COPY(s->jti, e->jti);
    if (began == NULL || nhi_time_parse(began, &s->began) != NHI_OK)
        s->began = 0;
    s->ended = e->at;
    s->cut = !is(s->reason, "closed") && !is(s->reason, "gone") && !is(s->reason, "reboot");
    json_decref(o);
}

void trace_from_grant(const char *handle, const struct nhi_grant *g, struct trace_session *s)
{
    memset(s, 0, sizeof(*s));
    COPY(s->handle, handle);
    COPY(s->grant, g->id);
    COPY(s->agent, g->ticket.agent);
    COPY(s->task, g->ticket.task);
    COPY(s->jti, g->ticket.jti);
    COPY(s->account, g->subject);
    COPY(s->service, g->service);
    COPY(s->from, g->rhost[0] != '\0' ? g->rhost : "local");
    COPY(s->rule, g->rule);
    s->began = g->at;
}

/* Takes the address and the rule from the decision. */
static void complete(const struct trace *t, struct trace_session *s)
{
    for (size_t i = 0; i < t->steps && s->grant[0] != '\0'; i++)
        if (is(t->step[i]->e.record, s->grant)) {
            COPY(s->from, t->step[i]->e.from);
            COPY(s->rule, t->step[i]->e.rule);
            s->began = s->began != 0 ? s->began : t->step[i]->e.at;
            break;
        }
    if (s->began == 0 || s->began > s->ended)
        s->began = s->ended;
}

static bool is_known(const struct trace *t, const char *grant)
{
    for (size_t i = 0; i < t->sessions; i++)
        if (is(t->session[i].grant, grant))
            return true;
    return false;
}

static void add_ended(struct trace *t, trace_takes_fn *takes, const void *ctx)
{
    for (size_t i = 0; i < t->steps; i++) {
        struct trace_session s;

        if (!is(t->step[i]->e.kind, "session-end"))
            continue;
        trace_read_end(&t->step[i]->e, &s);
        complete(t, &s);
        t->step[i]->began = s.began;
        if (takes(&s, ctx))
            *new_session(t) = s;
    }
}

static int by_beginning(const void *a, const void *b)
{
    const struct trace_session *x = a, *y = b;

    return x->began != y->began ? (x->began < y->began ? -1 : 1) : strcmp(x->handle, y->handle);
}

void trace_add_sessions(struct trace *t, const struct sessions *live, trace_takes_fn *takes, const void *ctx)
{
    struct trace_session s;

    add_ended(t, takes, ctx);
    for (size_t i = 0; i < live->count; i++) {
        trace_from_grant(live->all[i].handle, &live->all[i].g, &s);
        if (takes(&s, ctx) && !is_known(t, s.grant))
            *new_session(t) = s;
    }
    if (t->sessions > 0)
        qsort(t->session, t->sessions, sizeof(*t->session), by_beginning);
}
