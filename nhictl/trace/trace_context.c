/* SPDX-License-Identifier: ISC */
/*
 * The events of a story's context (its task, its agent, an issuer, a lockdown) that happened during the story.
 */
#include "nhictl/trace/trace_context.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "nhictl/say/out.h"

#define COPY(to, from) snprintf((to), sizeof(to), "%s", (from))

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* The key that an event of an issuer is about. */
static void read_key(struct trace_around *a, const struct nhi_event *e)
{
    json_t *o = json_loads(e->detail, JSON_REJECT_DUPLICATES, NULL);
    const char *kid = json_string_value(json_object_get(o, is(e->kind, "revoke") ? "id" : "kid"));

    a->key = out_must(strdup(kid != NULL ? kid : e->kid));
    json_decref(o);
}

struct trace_around *trace_around_new(const struct nhi_event *e)
{
    struct trace_around *a = out_must(calloc(1, sizeof(*a)));

    COPY(a->record, e->record);
    COPY(a->within, e->within);
    COPY(a->kid, e->kid);
    a->when = AROUND_WITHIN;
    if (e->jti[0] != '\0' || is(e->kind, "agent-add"))
        a->when = AROUND_NEVER;
    else if (is(e->kind, "task-open"))
        a->when = AROUND_BEFORE;
    else if (e->agent[0] == '\0' && (strncmp(e->kind, "key-re", 6) == 0 || is(e->kind, "revoke")))
        read_key(a, e);
    return a;
}

void trace_around_free(struct trace_around *a)
{
    if (a != NULL)
        free(a->key);
    free(a);
}

static bool is_over(const struct trace *t)
{
    if (t->by == TRACE_AGENT)
        return t->has_agent && t->agent.state == NHI_AGENT_RETIRED;
    for (size_t i = 0; i < t->spans; i++)
        if (t->span[i].ended == 0)
            return false;
    if (t->by == TRACE_SESSION || (t->has_task && t->task.state != NHI_TASK_OPEN))
        return true;
    if (t->any_ticket)
        return false;
    return t->by == TRACE_TICKET || !t->has_task || t->now >= t->task.deadline;
}

static bool signed_any(const struct trace_kids *kids, const char *key)
{
    for (size_t i = 0; i < kids->count; i++)
        if (is(kids->kid[i], key))
            return true;
    return false;
}

void trace_note_kid(struct trace_kids *kids, const char *kid)
{
    if (kid[0] == '\0' || signed_any(kids, kid))
        return;
    kids->kid = out_grow(kids->kid, &kids->room, kids->count + 1, sizeof(*kids->kid));
    COPY(kids->kid[kids->count], kid);
    kids->count++;
}

static bool is_context(const struct trace_step *s, const struct trace_kids *kids, int64_t first, int64_t last)
{
    const struct trace_around *a = s->around;

    if (s->direct || a->when == AROUND_NEVER)
        return s->direct;
    if (a->when == AROUND_BEFORE && s->at <= last)
        return true;
    if (s->at < first || s->at > last)
        return false;
    return a->key == NULL || signed_any(kids, a->key);
}

void trace_keep_context(struct trace *t, struct trace_kids *kids)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    size_t kept = 0;

    for (size_t i = 0; i < t->steps; i++)
        if (t->step[i].direct) {
            first = t->step[i].at < first ? t->step[i].at : first;
            last = t->step[i].at > last ? t->step[i].at : last;
            if (t->step[i].around != NULL)
                trace_note_kid(kids, t->step[i].around->kid);
        }
    if (first != INT64_MAX && !is_over(t))
        last = INT64_MAX;
    for (size_t i = 0; i < t->steps; i++) {
        bool keeps = is_context(&t->step[i], kids, first, last);

        trace_around_free(t->step[i].around);
        t->step[i].around = NULL;
        if (keeps)
            t->step[kept++] = t->step[i];
    }
    t->steps = kept;
}
