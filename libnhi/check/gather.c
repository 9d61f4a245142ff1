/* SPDX-License-Identifier: ISC */
/*
 * MUST: be the only place that fills in facts for a decision.
 * MUST: end in a denial whenever a look-up fails.
 */
#include "libnhi/check/gather.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/check/facts.h"

/* A count that is not known counts as full. */
#define FULL (UINT32_MAX / 2)

static enum nhi_reason not_read(struct nhi_gathering *g, enum nhi_err err)
{
    nhi_moment_say(g->m, err, g->message);
    return g->m->unreadable;
}

static enum nhi_err load_ticket(struct nhi_gathering *g, const struct nhi_ticket *t, struct nhi_facts *f)
{
    enum nhi_err err;

    if (g->memo != NULL && nhi_memo_get(g->memo, g->m, t, f))
        return NHI_OK;
    err = g->how->ticket(g->m, g->ctx, t, f);
    if (err == NHI_OK && g->memo != NULL)
        nhi_memo_put(g->memo, g->m, t, f);
    return err;
}

enum nhi_reason nhi_gather_ticket(struct nhi_gathering *g, const struct nhi_ticket *t, struct nhi_facts *f)
{
    enum nhi_err err;

    memset(f, 0, sizeof(*f));
    err = load_ticket(g, t, f);
    if (err != NHI_OK)
        return not_read(g, err);
    if (f->latest < g->m->latest)
        f->latest = g->m->latest;
    f->rolled_back = g->m->fit == NHI_FIT_BEHIND;
    f->strange = g->m->fit != NHI_FIT_HERE && g->m->fit != NHI_FIT_BEHIND;
    if (g->m->fit != NHI_FIT_HERE)
        snprintf(g->message, sizeof(g->message), "%s", nhi_fit_text(g->m->fit));
    nhi_reserve_apply(g->m->reserve, t, f);
    if (f->successor[0] != '\0' && !f->superseded)
        f->superseded = g->how->superseded(g->ctx, t->jti);
    return NHI_PERMIT;
}

static enum nhi_reason account_failed(struct nhi_gathering *g, const char *account)
{
    const bool busy = g->account_err == NHI_ERR_BUSY;

    if (g->account_err == NHI_ERR_NOT_FOUND)
        return NHI_DENY_SUBJECT;
    snprintf(g->message, sizeof(g->message), "account %s: %s", account,
             busy ? "a source of accounts did not answer" : nhi_strerror(g->account_err));
    return g->account_err == NHI_ERR_NOMEM ? NHI_DENY_INTERNAL : NHI_DENY_GROUPS;
}

static enum nhi_reason find_account(struct nhi_gathering *g, struct nhi_request *r, const struct nhi_facts *f)
{
    const struct nhi_host_account *l = &g->account;

    if (!g->has_account)
        g->account_err = g->how->account(g->ctx, r, f, &g->account);
    g->has_account = true;
    if (g->account_err != NHI_OK)
        return account_failed(g, r->subject);
    if (l->blind[0] != '\0')
        snprintf(g->message, sizeof(g->message), "groups of %s: %s", r->subject, l->blind);
    r->subject_uid = l->uid;
    r->subject_privileged = l->privileged;
    r->subject_blind = l->blind[0] != '\0' && !l->goes_on;
    return NHI_PERMIT;
}

/* A pin that cannot be read counts as a place that nobody is in. */
static void find_pin(const struct nhi_gathering *g, const struct nhi_request *r, struct nhi_facts *f)
{
    bool recorded = f->root[0] != '\0';
    enum nhi_err err = g->how->pin(g->ctx, recorded ? f->root_kid : r->ticket->kid, recorded ? f->root : r->ticket->jti,
                                   r->remote ? NHI_PIN_REMOTE : NHI_PIN_LOCAL, f->pin);

    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        memcpy(f->pin, "?", 2);
}

static void count_uses(const struct nhi_gathering *g, struct nhi_facts *f)
{
    for (size_t i = 0; i < f->rule_count; i++) {
        struct nhi_rule *rule = &f->rules[i];

        if (rule->max_sessions != 0 &&
            g->how->sessions(g->ctx, rule->name, rule->max_sessions, &rule->sessions) != NHI_OK)
            rule->sessions = FULL;
        if (rule->max_grants != 0 && g->how->grants(g->ctx, rule->name, g->m->now, &rule->grants) != NHI_OK)
            rule->grants = FULL;
    }
}

enum nhi_reason nhi_gather_use(struct nhi_gathering *g, struct nhi_request *r, struct nhi_facts *f, bool *pinned)
{
    enum nhi_reason reason;
    enum nhi_err err;

    *pinned = false;
    err = g->how->rules(g->m, g->ctx, r, f);
    if (err == NHI_OK)
        err = g->how->namesake(g->m, g->ctx, r->subject, &f->subject_agent);
    if (err != NHI_OK)
        return not_read(g, err);
    reason = find_account(g, r, f);
    if (reason != NHI_PERMIT)
        return reason;
    *pinned = nhi_is_pinned(r, f);
    if (*pinned)
        find_pin(g, r, f);
    count_uses(g, f);
    f->unsupervised = f->unsupervised && !g->how->supervised(g->ctx);
    return NHI_PERMIT;
}
