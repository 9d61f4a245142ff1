/* SPDX-License-Identifier: ISC */
#include "nhictl/scan/scan_judge.h"

#include <string.h>

#include "libnhi/check/facts.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_bound.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/policy/preview.h"

/* A ticket that could open something again, with another policy or when its agent is resumed, is live. */
static const char *state_of(const struct ctl *c, const struct nhi_ticket *t, const struct nhi_facts *f)
{
    if (!nhi_issuer_allows(&f->issuer, t) || f->differs)
        return "void";
    if (f->revoked || f->issuer.state == NHI_ISSUER_RETIRED || f->issuer.state == NHI_ISSUER_REVOKED ||
        (f->agent_known &&
         (f->agent_state == NHI_AGENT_RETIRED || nhi_issued_by(&f->issuer, t, f->agent_revoked_until))) ||
        (f->task_known && f->task_state != NHI_TASK_OPEN))
        return "revoked";
    if (c->now >= t->exp || (f->task_known && c->now >= f->task_deadline))
        return "expired";
    if (f->superseded)
        return "renewed";
    return strcmp(t->host, f->host) == 0 ? "live" : "elsewhere";
}

static int judge_ticket(struct ctl *c, struct finder *f, const struct nhi_ticket *t, const char **state)
{
    struct preview p;
    struct nhi_facts facts;
    int code = preview_begin(c, f->s, PREVIEW_EVER, &p);

    if (code == CTL_DONE)
        code = preview_ticket(&p, t, &facts);
    if (code == CTL_DONE) {
        *state = state_of(c, t, &facts);
        nhi_facts_free(&facts);
    }
    preview_end(&p);
    return code;
}

struct bound {
    struct ctl *c;
    struct finder *f;
    struct find *one;
    int code;
};

/* The newest ticket, but a live one first. */
static int judge_bound(const struct nhi_ticket_row *row, void *ctx)
{
    struct bound *b = ctx;
    const char *state = NULL;

    b->code = judge_ticket(b->c, b->f, &row->ticket, &state);
    if (b->code != CTL_DONE)
        return 1;
    if (b->one->state == NULL || strcmp(state, "live") == 0) {
        b->one->state = state;
        b->one->t = row->ticket;
    }
    return strcmp(state, "live") == 0;
}

static int judge_ssh_key(struct ctl *c, struct finder *f, struct find *one)
{
    struct bound b = { .c = c, .f = f, .one = one };
    enum nhi_err err = nhi_ticket_each_bound(f->s->l, one->pk, judge_bound, &b);

    return err == NHI_OK ? b.code : store_fail(c, f->s, err, "read the tickets of a key");
}

static int judge_key(struct ctl *c, struct finder *f, struct find *one)
{
    struct nhi_issuer issuer;
    enum nhi_err err = nhi_issuer_get(f->s->l, one->t.kid, &issuer);

    if (err != NHI_OK)
        return store_fail(c, f->s, err, "read the issuer");
    one->state = issuer.state == NHI_ISSUER_RETIRED || issuer.state == NHI_ISSUER_REVOKED ? "revoked" : "live";
    return CTL_DONE;
}

static int judge_one(struct ctl *c, struct finder *f, struct find *one)
{
    struct nhi_agent agent;
    int code = one->kind == FIND_KEY       ? judge_key(c, f, one)
               : one->kind == FIND_SSH_KEY ? judge_ssh_key(c, f, one)
                                           : judge_ticket(c, f, &one->t, &one->state);

    if (code == CTL_DONE && one->t.agent[0] != '\0' && nhi_agent_get(f->s->l, one->t.agent, &agent) == NHI_OK)
        memcpy(one->owner, agent.owner, sizeof(one->owner));
    return code;
}

int finder_judge(struct ctl *c, struct finder *f)
{
    int code = CTL_DONE;

    for (size_t i = 0; i < f->count && code == CTL_DONE; i++)
        code = judge_one(c, f, f->all[i]);
    return code;
}

bool find_is_live(const char *state)
{
    return strcmp(state, "live") == 0 || strcmp(state, "elsewhere") == 0;
}

struct live {
    struct bound b;
    find_live_fn *fn;
    void *ctx;
};

static int live_bound(const struct nhi_ticket_row *row, void *ctx)
{
    struct live *l = ctx;
    const char *state = NULL;

    l->b.code = judge_ticket(l->b.c, l->b.f, &row->ticket, &state);
    if (l->b.code == CTL_DONE && find_is_live(state))
        l->fn(l->b.one, &row->ticket, l->ctx);
    return l->b.code != CTL_DONE;
}

int finder_each_live(struct ctl *c, struct finder *f, find_live_fn *fn, void *ctx)
{
    struct live l = { .b = { .c = c, .f = f }, .fn = fn, .ctx = ctx };
    enum nhi_err err = NHI_OK;

    for (size_t i = 0; i < f->count && l.b.code == CTL_DONE; i++) {
        l.b.one = f->all[i];
        if (l.b.one->kind == FIND_SSH_KEY)
            err = nhi_ticket_each_bound(f->s->l, l.b.one->pk, live_bound, &l);
        else if (l.b.one->kind != FIND_KEY && find_is_live(l.b.one->state))
            fn(l.b.one, &l.b.one->t, ctx);
        if (err != NHI_OK)
            return store_fail(c, f->s, err, "read the tickets of a key");
    }
    return l.b.code;
}
