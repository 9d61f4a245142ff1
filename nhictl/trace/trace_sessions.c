/* SPDX-License-Identifier: ISC */
/*
 * The sessions of a story: those that have ended, from their events, and those that are live.
 */
#include "nhictl/trace/trace_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "nhictl/say/out.h"

#define COPY(to, from) copy((to), sizeof(to), (from))

static void copy(char *to, size_t size, const char *from)
{
    size_t len = strnlen(from, size - 1);

    memcpy(to, from, len);
    to[len] = '\0';
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* 0: the event does not have it. */
static int64_t began_of(const struct nhi_event *e)
{
    /* The detail is one flat object, and in a string a quote has a backslash before it: this finds a member only. */
    const char *member = "\"began\":\"", *began = strstr(e->detail, member);
    char moment[NHI_TIME_LEN + 1];
    int64_t at;

    if (began == NULL)
        return 0;
    COPY(moment, began + strlen(member));
    return nhi_time_parse(moment, &at) == NHI_OK ? at : 0;
}

void trace_read_end(const struct nhi_event *e, struct trace_session *s)
{
    COPY(s->handle, e->session);
    COPY(s->grant, e->within);
    COPY(s->account, e->account);
    COPY(s->service, e->service);
    COPY(s->reason, e->reason);
    COPY(s->agent, e->agent);
    COPY(s->task, e->task);
    COPY(s->jti, e->jti);
    s->from[0] = s->rule[0] = '\0';
    s->began = began_of(e);
    s->ended = e->at;
    s->cut = !is(s->reason, "closed") && !is(s->reason, "gone") && !is(s->reason, "reboot");
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
static void complete(struct trace *t, struct trace_session *s)
{
    struct nhi_event e;

    if (s->grant[0] != '\0' && nhi_event_reader_find(t->reader, s->grant, &e) == NHI_OK) {
        COPY(s->from, e.from);
        COPY(s->rule, e.rule);
        s->began = s->began != 0 ? s->began : e.at;
    }
    if (s->began == 0 || s->began > s->ended)
        s->began = s->ended;
}

int64_t trace_began(struct trace *t, const struct nhi_event *e)
{
    int64_t began = began_of(e);
    struct trace_session s;

    if (began == 0) {
        trace_read_end(e, &s);
        complete(t, &s);
        began = s.began;
    }
    return began < e->at ? began : e->at;
}

static void read_ended(struct trace *t, const struct nhi_event *e, struct trace_session *s)
{
    trace_read_end(e, s);
    complete(t, s);
}

static struct trace_span *new_span(struct trace *t, const struct trace_session *s)
{
    struct trace_span *new;

    t->span = out_grow(t->span, &t->span_room, t->spans + 1, sizeof(*t->span));
    new = &t->span[t->spans++];
    memset(new, 0, sizeof(*new));
    new->began = s->began;
    new->ended = s->ended;
    COPY(new->grant, s->grant);
    new->handle = out_must(strdup(s->handle));
    return new;
}

void trace_add_ended(struct trace *t, const struct nhi_event *e, const struct trace_session *s)
{
    struct trace_span *new = new_span(t, s);

    new->seq = e->seq;
    new->began = trace_began(t, e);
}

static bool is_known(const struct trace *t, const char *grant)
{
    for (size_t i = 0; i < t->spans; i++)
        if (is(t->span[i].grant, grant))
            return true;
    return false;
}

static int by_beginning(const void *a, const void *b)
{
    const struct trace_span *x = a, *y = b;

    return x->began != y->began ? (x->began < y->began ? -1 : 1) : strcmp(x->handle, y->handle);
}

void trace_add_live(struct trace *t, const struct trace_session *s)
{
    if (is_known(t, s->grant))
        return;
    t->live = out_grow(t->live, &t->live_room, t->lives + 1, sizeof(*t->live));
    t->live[t->lives] = *s;
    new_span(t, s)->live = t->lives++;
}

void trace_sort_sessions(struct trace *t)
{
    if (t->spans > 0)
        qsort(t->span, t->spans, sizeof(*t->span), by_beginning);
}

const struct trace_session *trace_session_at(struct trace *t, size_t i)
{
    const struct trace_span *s = &t->span[i];
    struct nhi_event e;

    if (s->seq == 0)
        return &t->live[s->live];
    if (nhi_event_reader_get(t->reader, s->seq, &e) != NHI_OK)
        return NULL;
    read_ended(t, &e, &t->session);
    return &t->session;
}
