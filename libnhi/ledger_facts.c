#include <stdlib.h>
#include <string.h>

#include "libnhi/sql.h"

static enum nhi_err load_agent(struct nhi_ledger *l, const char *name, struct nhi_facts *f)
{
    struct nhi_agent a;
    enum nhi_err err;

    err = nhi_agent_get(l, name, &a);
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_OK;
    if (err == NHI_OK) {
        f->agent_known = true;
        f->agent_state = a.state;
        f->agent_uid = a.account.uid;
        f->agent_revoked_until = a.revoked_until;
    }
    return err;
}

static enum nhi_err load_task(struct nhi_ledger *l, const char *id, struct nhi_facts *f)
{
    struct nhi_task t;
    enum nhi_err err;

    err = nhi_task_get(l, id, &t);
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_OK;
    if (err == NHI_OK) {
        f->task_known = true;
        f->task_state = t.state;
        f->task_deadline = t.deadline;
        memcpy(f->task_agent, t.agent, sizeof f->task_agent);
    }
    return err;
}

/* The ticket may be unknown here, so its claims name what to look for, not its row. */
static enum nhi_err load_revoked(struct nhi_ledger *l, const struct nhi_ticket *t,
                                 struct nhi_facts *f)
{
    enum nhi_err err;
    int64_t n = 0;

    err = nhi_sql_number(l, &n,
                         "WITH RECURSIVE up(jti) AS (SELECT ?1 UNION SELECT ?2 UNION"
                         " SELECT p.parent FROM ticket p JOIN up ON p.jti = up.jti"
                         " WHERE p.parent IS NOT NULL)"
                         " SELECT (SELECT count(*) FROM up JOIN revocation r"
                         "   ON r.kind = 1 AND r.id = up.jti)"
                         " + (SELECT count(*) FROM revocation r WHERE r.kind = 2 AND r.id = ?3)",
                         "sss", t->jti, t->parent, t->task);
    f->revoked = n > 0;
    return err;
}

enum nhi_err nhi_facts_load(struct nhi_ledger *l, const struct nhi_ticket *t, struct nhi_facts *out)
{
    struct nhi_facts f;
    struct nhi_settings s;
    struct nhi_rule *rules = NULL;
    enum nhi_err err;

    memset(&f, 0, sizeof f);
    err = nhi_ledger_settings(l, &s);
    if (err == NHI_OK) {
        memcpy(f.host, s.host, sizeof f.host);
        f.latest = s.latest;
    }
    if (err == NHI_OK && t != NULL) {
        err = nhi_issuer_get(l, t->kid, &f.issuer);
        f.issuer_known = err == NHI_OK;
        if (err == NHI_ERR_NOT_FOUND)
            err = NHI_OK;
        if (err == NHI_OK)
            err = load_agent(l, t->agent, &f);
        if (err == NHI_OK)
            err = load_task(l, t->task, &f);
        if (err == NHI_OK)
            err = load_revoked(l, t, &f);
        if (err == NHI_OK)
            err = nhi_sql_rules(l, t->agent, &rules, &f.rule_count);
    }
    f.rules = rules;
    if (err == NHI_OK)
        *out = f;
    return err;
}

void nhi_facts_free(struct nhi_facts *f)
{
    union {
        const struct nhi_rule *ro;
        void *rw;
    } u;

    if (f == NULL)
        return;
    u.ro = f->rules;
    free(u.rw);
    f->rules = NULL;
    f->rule_count = 0;
}
