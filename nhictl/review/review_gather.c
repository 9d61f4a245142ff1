/* SPDX-License-Identifier: ISC */
/*
 * One pass each over agents, tasks, tickets and events.
 */
#include "nhictl/review/review_gather.h"
#include "nhictl/say/progress.h"

#include <jansson.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/grant/grant.h"
#include "libnhi/grant/grant_record.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_owner.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/policy/reason.h"
#include "nhictl/review/review_list.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/out.h"
#include "nhictl/status/recent.h"
#include "nhictl/store/store.h"

static void add_text(struct text_set *w, const char *text)
{
    if (text[0] == '\0')
        return;
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->text[i], text) == 0)
            return;
    if (w->count < TEXT_SET_MAX)
        w->text[w->count++] = out_must(strdup(text));
}

static void free_texts(struct text_set *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->text[i]);
}

/* ---- agents ---- */

static int add_agent(const struct nhi_agent *a, void *ctx)
{
    struct review *r = ctx;
    struct seen_agent *seen;

    r->agents = out_grow(r->agents, &r->agent_room, r->agent_count + 1, sizeof(*r->agents));
    seen = &r->agents[r->agent_count++];
    memset(seen, 0, sizeof(*seen));
    seen->a = *a;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct seen_agent *x = a, *y = b;

    return strcmp(x->a.account.name, y->a.account.name);
}

static struct seen_agent *find_agent(const struct review *r, const char *name)
{
    size_t low = 0, high = r->agent_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, r->agents[middle].a.account.name);

        if (order == 0)
            return &r->agents[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static int mark_owner(const struct nhi_owner *o, void *ctx)
{
    struct review *r = ctx;

    for (size_t i = 0; o->offboarded != 0 && i < r->agent_count; i++)
        r->agents[i].owner_gone = r->agents[i].owner_gone || strcmp(r->agents[i].a.owner, o->name) == 0;
    return 0;
}

static enum nhi_err gather_agents(struct review *r)
{
    enum nhi_err err = nhi_agent_each(r->s->l, add_agent, r);

    if (r->agent_count > 0)
        qsort(r->agents, r->agent_count, sizeof(*r->agents), by_name);
    return err == NHI_OK ? nhi_owner_each(r->s->l, r->c->now, mark_owner, r) : err;
}

/* ---- tasks ---- */

/* "build-" for build-4711: counts and dates are for one kind of task. */
static int add_kind(const struct nhi_task *t, void *ctx)
{
    struct review *r = ctx;
    struct seen_agent *a = find_agent(r, t->agent);
    char kind[NHI_TASK_MAX + 1];

    if (a == NULL || t->opened < r->c->now - r->limits.window)
        return 0;
    memcpy(kind, t->id, sizeof(kind));
    kind[strcspn(kind, "0123456789")] = '\0';
    add_text(&a->kinds, kind[0] != '\0' ? kind : "(numbers)");
    return 0;
}

static int by_id(const void *a, const void *b)
{
    const struct seen_task *x = a, *y = b;

    return strcmp(x->id, y->id);
}

static struct seen_task *find_task(const struct review *r, const char *id)
{
    struct seen_task key;
    void *found;

    snprintf(key.id, sizeof(key.id), "%s", id);
    found = tfind(&key, &r->by_task, by_id);
    return found != NULL ? *(struct seen_task **)found : NULL;
}

/* ---- tickets ---- */

static int by_root(const void *a, const void *b)
{
    const struct seen_lineage *x = a, *y = b;

    return strcmp(x->root, y->root);
}

static struct seen_lineage *find_lineage(struct review *r, const char *root, const struct nhi_ticket *t)
{
    struct seen_lineage *l, key;
    void *found;

    snprintf(key.root, sizeof(key.root), "%s", root);
    found = tfind(&key, &r->by_root, by_root);
    if (found != NULL)
        return *(struct seen_lineage **)found;
    l = out_must(calloc(1, sizeof(*l)));
    memcpy(l->root, key.root, sizeof(l->root));
    memcpy(l->agent, t->agent, sizeof(l->agent));
    memcpy(l->task, t->task, sizeof(l->task));
    l->bound = t->has_cnf;
    out_must(tsearch(l, &r->by_root, by_root));
    r->lineages = out_grow(r->lineages, &r->lineage_room, r->lineage_count + 1, sizeof(*r->lineages));
    r->lineages[r->lineage_count++] = l;
    return l;
}

static void add_span(struct seen_agent *a, int64_t from, int64_t to)
{
    a->spans = out_grow(a->spans, &a->span_room, a->span_count + 1, sizeof(*a->spans));
    a->spans[a->span_count++] = (struct span){ from, to };
}

static void add_use(const struct review *r, struct seen_agent *a, const struct nhi_ticket_row *row)
{
    int64_t used = row->last_used - row->ticket.iat, life = row->ticket.exp - row->ticket.iat;

    if (row->last_used == 0)
        return;
    a->used_tickets++;
    if (used < 60)
        used = 60;
    if (life / used < r->limits.longer)
        return;
    a->long_tickets++;
    if (used > a->longest_use)
        a->longest_use = used;
}

static int add_ticket(const struct nhi_ticket_row *row, void *ctx)
{
    struct review *r = ctx;
    const struct nhi_ticket *t = &row->ticket;
    struct seen_agent *a = find_agent(r, t->agent);
    struct seen_task *task = find_task(r, t->task);
    char key[2 * NHI_PK_LEN + 1];

    if (task != NULL && row->last_used > task->last)
        task->last = row->last_used;
    if (a != NULL && !row->revoked && t->exp > r->c->now - r->limits.standing)
        add_span(a, t->iat, t->exp);
    if (a == NULL || t->exp < r->c->now - r->limits.window)
        return 0;
    for (size_t i = 0; t->has_cnf && i < NHI_PK_LEN; i++)
        snprintf(key + 2 * i, 3, "%02x", t->cnf[i]);
    add_text(&a->keys, t->has_cnf ? key : "");
    add_text(&a->hosts, t->host);
    /* A live ticket may still be used. */
    if (row->superseded || row->revoked || t->exp <= r->c->now)
        add_use(r, a, row);
    return 0;
}

static int add_live(const struct nhi_ticket_row *row, void *ctx)
{
    struct review *r = ctx;
    struct seen_task *t = find_task(r, row->ticket.task);
    struct nhi_ticket_row first;
    int64_t recorded = row->recorded;

    find_lineage(r, row->root, &row->ticket)->live = true;
    if (t == NULL) {
        t = out_must(calloc(1, sizeof(*t)));
        memcpy(t->id, row->ticket.task, sizeof(t->id));
        memcpy(t->agent, row->ticket.agent, sizeof(t->agent));
        out_must(tsearch(t, &r->by_task, by_id));
        r->tasks = out_grow(r->tasks, &r->task_room, r->task_count + 1, sizeof(*r->tasks));
        r->tasks[r->task_count++] = t;
    }
    t->live++;
    /* A renewal is as old as the first ticket of its lineage. */
    if (strcmp(row->root, row->ticket.jti) != 0 && nhi_ticket_get(r->s->l, row->root, &first) == NHI_OK)
        recorded = first.recorded;
    if (t->live == 1 || recorded < t->issued)
        t->issued = recorded;
    return 0;
}

/* ---- events ---- */

static void add_denials(struct seen_agent *a, const struct nhi_event *e, uint64_t times)
{
    char what[NHI_ACCOUNT_MAX + NHI_SERVICE_MAX + 64];
    enum nhi_reason reason;

    if (!nhi_reason_find(e->reason, &reason) || !nhi_reason_is_attempt(reason))
        return;
    a->denials = times < UINT32_MAX - a->denials ? a->denials + (uint32_t)times : UINT32_MAX;
    snprintf(what, sizeof(what), "%s through %s: %s", e->account, e->service, nhi_reason_name(reason));
    add_text(&a->refused, what);
}

/* Denials without a record of their own. An attempt needs a ticket that was shown, which only its holder can do:
 * anybody can offer a key, or come without a ticket. */
static void add_counted(struct review *r, struct seen_agent *a, const struct nhi_event *e)
{
    char what[NHI_ACCOUNT_MAX + NHI_SERVICE_MAX + 64];
    json_t *detail = json_loads(e->detail, 0, NULL);
    json_int_t times = json_integer_value(json_object_get(detail, "count"));
    struct seen_refusals *to = a != NULL ? &a->counted : &r->others;
    enum nhi_reason reason;

    json_decref(detail);
    if (times <= 0)
        return;
    if (a != NULL && e->jti[0] != '\0' && e->source[0] == '\0' && nhi_reason_find(e->reason, &reason) &&
        nhi_reason_is_attempt(reason)) {
        add_denials(a, e, (uint64_t)times);
        return;
    }
    if (a == NULL && e->from[0] != '\0')
        return;
    snprintf(what, sizeof(what), "%s through %s: %s", e->account, e->service, e->reason);
    to->count += (uint64_t)times;
    add_text(&to->what, what);
}

static void add_grant(struct seen_agent *a, const struct nhi_grant *g)
{
    add_text(&a->sources, g->rhost);
    if (g->rhost[0] == '\0' || g->source != NHI_FROM_PROMPT || g->ticket.has_cnf)
        return;
    a->bearer_logins++;
    memcpy(a->task, g->ticket.task, sizeof(a->task));
    snprintf(a->account, sizeof(a->account), "%s", g->subject);
}

/* Where the ticket was shown; inside its own session, that means nothing. */
static void add_place(struct seen_lineage *l, const struct nhi_grant *g)
{
    if (l->bound)
        add_text(&l->remote, g->rhost);
    else if (g->source == NHI_FROM_PROMPT || g->source == NHI_FROM_KEYRING)
        add_text(g->rhost[0] != '\0' ? &l->remote : &l->local, g->place);
}

static int add_event(const struct nhi_event *e, void *ctx)
{
    struct review *r = ctx;
    bool hand_off = strcmp(e->kind, "hand-off") == 0;
    struct seen_agent *a = find_agent(r, e->agent);
    struct nhi_grant g;

    progress_step(0);
    if (e->at < r->c->now - r->limits.window || e->detail == NULL)
        return 0;
    if (strcmp(e->kind, "refused") == 0)
        add_counted(r, a, e);
    if (a == NULL || (!hand_off && strcmp(e->kind, "grant") != 0 && strcmp(e->kind, "denial") != 0) ||
        nhi_grant_decode(e->detail, strlen(e->detail), &g) != NHI_OK)
        return 0;
    if (hand_off)
        find_lineage(r, g.root[0] != '\0' ? g.root : g.ticket.jti, &g.ticket)->hand_offs++;
    if (g.reason != NHI_PERMIT) {
        add_denials(a, e, 1);
        return 0;
    }
    add_grant(a, &g);
    add_place(find_lineage(r, g.root[0] != '\0' ? g.root : g.ticket.jti, &g.ticket), &g);
    return 0;
}

int review_gather(struct review *r)
{
    enum nhi_err err = gather_agents(r);

    if (err == NHI_OK)
        err = nhi_task_each(r->s->l, NULL, add_kind, r);
    if (err == NHI_OK)
        err = nhi_ticket_each(r->s->l, &(struct nhi_ticket_filter){ .live_at = r->c->now }, add_live, r);
    if (err == NHI_OK)
        err = nhi_ticket_each(r->s->l, &(struct nhi_ticket_filter){ .agent = NULL }, add_ticket, r);
    progress_begin(r->c, "reading events");
    if (err == NHI_OK)
        err = nhi_event_each(r->s->l, 0, INT32_MAX, add_event, r);
    progress_end();
    if (err == NHI_OK)
        err = recent_gather(r->s, r->c->now, &r->recent);
    return err == NHI_OK ? CTL_DONE : store_fail(r->c, r->s, err, "read the ledger");
}

static void leave(void *p)
{
    (void)p;
}

void review_free(struct review *r)
{
    for (size_t i = 0; i < r->agent_count; i++) {
        struct seen_agent *a = &r->agents[i];

        free_texts(&a->sources);
        free_texts(&a->keys);
        free_texts(&a->hosts);
        free_texts(&a->kinds);
        free_texts(&a->refused);
        free_texts(&a->counted.what);
        free(a->spans);
    }
    free_texts(&r->others.what);
    recent_free(&r->recent);
    tdestroy(r->by_root, leave);
    tdestroy(r->by_task, leave);
    for (size_t i = 0; i < r->lineage_count; i++) {
        free_texts(&r->lineages[i]->remote);
        free_texts(&r->lineages[i]->local);
        free(r->lineages[i]);
    }
    for (size_t i = 0; i < r->task_count; i++)
        free(r->tasks[i]);
    for (size_t i = 0; i < r->count; i++) {
        free(r->findings[i].evidence);
        free(r->findings[i].command);
    }
    free(r->agents);
    free(r->lineages);
    free(r->tasks);
    free(r->findings);
}
