/* SPDX-License-Identifier: ISC */
/*
 * The events of a story's context (its task, its agent, an issuer, a lockdown) that happened during the story.
 */
#include "nhictl/trace/trace_context.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "nhictl/say/out.h"
#include "nhictl/trace/trace_read.h"

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool is_over(const struct trace *t)
{
    if (t->by == TRACE_AGENT)
        return t->has_agent && t->agent.state == NHI_AGENT_RETIRED;
    for (size_t i = 0; i < t->sessions; i++)
        if (t->session[i].ended == 0)
            return false;
    if (t->by == TRACE_SESSION || (t->has_task && t->task.state != NHI_TASK_OPEN))
        return true;
    for (size_t i = 0; i < t->tickets; i++)
        if (!t->ticket[i].revoked && !t->ticket[i].superseded && t->now < t->ticket[i].ticket.exp)
            return false;
    return t->by == TRACE_TICKET || !t->has_task || t->now >= t->task.deadline;
}

static bool signed_any(const struct trace *t, const struct nhi_event *e)
{
    json_t *o = json_loads(e->detail, JSON_REJECT_DUPLICATES, NULL);
    const char *kid = json_string_value(json_object_get(o, is(e->kind, "revoke") ? "id" : "kid"));
    bool any = false;

    for (size_t i = 0; i < t->steps && !any; i++)
        any = t->step[i]->direct && t->step[i]->e.kid[0] != '\0' && is(t->step[i]->e.kid, kid != NULL ? kid : e->kid);
    json_decref(o);
    return any;
}

static bool is_context(const struct trace *t, const struct trace_step *s, int64_t first, int64_t last)
{
    const struct nhi_event *e = &s->e;

    if (s->direct || e->jti[0] != '\0')
        return s->direct;
    if (is(e->kind, "task-open") && e->at <= last)
        return true;
    if (e->at < first || e->at > last || is(e->kind, "agent-add"))
        return false;
    if (e->agent[0] == '\0' && (strncmp(e->kind, "key-re", 6) == 0 || is(e->kind, "revoke")))
        return signed_any(t, e);
    return true;
}

void trace_keep_context(struct trace *t)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    bool *keeps = out_must(calloc(t->steps + 1, sizeof(*keeps)));
    size_t kept = 0;

    for (size_t i = 0; i < t->steps; i++)
        if (t->step[i]->direct) {
            first = t->step[i]->e.at < first ? t->step[i]->e.at : first;
            last = t->step[i]->e.at > last ? t->step[i]->e.at : last;
        }
    if (first != INT64_MAX && !is_over(t))
        last = INT64_MAX;
    for (size_t i = 0; i < t->steps; i++)
        keeps[i] = is_context(t, t->step[i], first, last);
    for (size_t i = 0; i < t->steps; i++)
        if (keeps[i])
            t->step[kept++] = t->step[i];
        else
            trace_step_free(t->step[i]);
    t->steps = kept;
    free(keeps);
}
