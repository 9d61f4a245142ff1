/* SPDX-License-Identifier: ISC */
#include "nhictl/policy/preview.h"

#include <string.h>

#include "libnhi/check/facts.h"
#include "libnhi/ledger/ledger_fact.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_tie.h"
#include "nhictl/end/account_lookup.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"

/* ---- look-ups that differ from those of a login ---- */

/* The rules are in the facts already. */
static enum nhi_err no_rules(const struct nhi_moment *m, void *ctx, const struct nhi_request *r, struct nhi_facts *f)
{
    (void)m;
    (void)ctx;
    (void)r;
    (void)f;
    return NHI_OK;
}

/* The agent's own account also resolves on a host where nss_nhi is not installed yet. */
static enum nhi_err account_of(const struct ctl *c, const char *account, const struct nhi_ticket *t,
                               const struct nhi_facts *f, struct nhi_host_account *out)
{
    enum nhi_err err = account_by_name(c, account, out);

    if (err != NHI_ERR_NOT_FOUND || strcmp(account, t->agent) != 0 || !f->agent_known)
        return err;
    memset(out, 0, sizeof(*out));
    out->uid = f->agent_uid;
    return NHI_OK;
}

static enum nhi_err find_account(void *ctx, const struct nhi_request *r, const struct nhi_facts *f,
                                 struct nhi_host_account *out)
{
    return account_of(ctx, r->subject, r->ticket, f, out);
}

static enum nhi_err no_pin(void *ctx, const char *kid, const char *jti, enum nhi_pin kind, char *place)
{
    (void)ctx;
    (void)kid;
    (void)jti;
    (void)kind;
    (void)place;
    return NHI_ERR_NOT_FOUND;
}

static enum nhi_err no_sessions(void *ctx, const char *rule, uint32_t most, uint32_t *n)
{
    (void)ctx;
    (void)rule;
    (void)most;
    *n = 0;
    return NHI_OK;
}

static enum nhi_err no_grants(void *ctx, const char *rule, int64_t now, uint32_t *n)
{
    (void)now;
    return no_sessions(ctx, rule, 0, n);
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static struct nhi_lookups lookups(enum preview_of of)
{
    struct nhi_lookups how = nhi_lookups_of_host;

    how.rules = no_rules;
    how.account = find_account;
    if (of == PREVIEW_EVER) {
        how.pin = no_pin;
        how.sessions = no_sessions;
        how.grants = no_grants;
        how.supervised = always;
    }
    return how;
}

/* ---- */

int preview_begin(struct ctl *c, struct store *s, enum preview_of of, struct preview *p)
{
    static struct nhi_lookups how[2];

    how[of] = lookups(of);
    *p = (struct preview){ .c = c,
                           .s = s,
                           .m = nhi_moment_over(nhi_ledger_source(s->l),
                                                nhi_ledger_fit(s->l, &s->set, &s->seen, c->now), c->now) };
    p->g = (struct nhi_gathering){ .m = p->m, .how = &how[of], .ctx = c };
    return p->m != NULL ? CTL_DONE : ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
}

void preview_end(struct preview *p)
{
    nhi_moment_end(p->m);
    p->m = NULL;
}

int preview_ticket(struct preview *p, const struct nhi_ticket *t, struct nhi_facts *facts)
{
    if (nhi_gather_ticket(&p->g, t, facts) == NHI_PERMIT)
        return CTL_DONE;
    return ctl_fail(p->c, CTL_SYSTEM, NULL, "could not read what the decision needs: %s", p->g.message);
}

int preview_rules(struct preview *p, const struct nhi_ticket *t, struct nhi_facts *facts)
{
    enum nhi_err err = nhi_sql_rules(p->s->l, t->agent, p->m->now, facts);

    return err == NHI_OK ? CTL_DONE : store_fail(p->c, p->s, err, "read the policy");
}

enum nhi_err preview_request(const struct preview *p, const struct preview_case *of, struct nhi_request *out)
{
    const struct nhi_settings *set = &p->s->set;
    const struct nhi_ticket *t = of->ticket;
    struct nhi_host_account account;
    enum nhi_err err = account_of(p->c, of->account, t, of->facts, &account);

    if (err != NHI_OK)
        return err;
    *out = (struct nhi_request){
        .now = p->m->now,
        .service = of->service,
        .subject = of->account,
        .subject_uid = account.uid,
        .subject_in_range = account.uid >= set->uid_min && account.uid <= set->uid_max,
        .source = NHI_FROM_LEDGER,
        .from_unknown = true,
        .ticket = t,
        .key = t->has_cnf ? t->cnf : NULL,
    };
    return NHI_OK;
}

enum nhi_reason preview_use(struct preview *p, struct nhi_request *req, struct nhi_facts *facts)
{
    bool pinned;

    if (p->m->reason != NHI_PERMIT)
        return p->m->reason;
    p->g.has_account = false; /* that of the account before */
    return nhi_gather_use(&p->g, req, facts, &pinned);
}

enum nhi_reason preview_decide(struct preview *p, const struct preview_case *of, enum preview_as as)
{
    const struct nhi_ticket *t = of->ticket;
    struct nhi_facts f = *of->facts;
    struct nhi_rule rule = { .forbid = false };
    enum nhi_reason reason;
    struct nhi_request req;

    if (preview_request(p, of, &req) != NHI_OK)
        return NHI_DENY_SUBJECT;
    if (as == PREVIEW_INSIDE)
        req.tree = f.tree;
    if (as == PREVIEW_PERMITTED) {
        memcpy(rule.agents, t->agent, sizeof(t->agent));
        memcpy(rule.accounts, t->accounts, sizeof(rule.accounts));
        memcpy(rule.services, t->services, sizeof(rule.services));
        f.rules = &rule;
        f.rule_count = 1;
    }
    reason = preview_use(p, &req, &f);
    return reason == NHI_PERMIT ? nhi_decide(&req, &f).reason : reason;
}
