/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_facts.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/sql.h"

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
        f->agent_review_by = a.review_by;
        f->agent_revoked_until = a.revoked_until;
        memcpy(f->agent_owner, a.owner, sizeof(f->agent_owner));
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
        memcpy(f->task_agent, t.agent, sizeof(f->task_agent));
    }
    return err;
}

static enum nhi_err read_recorded(sqlite3_stmt *st, const struct nhi_ticket *t, struct nhi_facts *f)
{
    struct nhi_ticket had = { .kid = "" };
    enum nhi_err err = NHI_OK;

    nhi_sql_text(st, 0, had.kid, sizeof(had.kid), &err);
    nhi_sql_text(st, 1, had.agent, sizeof(had.agent), &err);
    nhi_sql_text(st, 2, had.task, sizeof(had.task), &err);
    had.uses = (uint32_t)nhi_sql_int(st, 3, 0, UINT32_MAX, &err);
    nhi_sql_text(st, 4, f->root, sizeof(f->root), &err);
    nhi_sql_text(st, 5, f->renews, sizeof(f->renews), &err);
    nhi_sql_text(st, 6, f->successor, sizeof(f->successor), &err);
    f->superseded = nhi_sql_int(st, 7, 0, 1, &err) == 1;
    nhi_sql_text(st, 8, f->tree, sizeof(f->tree), &err);
    f->no_pin = nhi_sql_int(st, 9, 0, 1, &err) == 1;
    f->former = nhi_sql_int(st, 10, 0, 1, &err) == 1;
    nhi_sql_text(st, 11, f->root_kid, sizeof(f->root_kid), &err);
    f->recorded = true;
    f->differs = strcmp(had.kid, t->kid) != 0 || strcmp(had.agent, t->agent) != 0 || strcmp(had.task, t->task) != 0 ||
                 had.uses != t->uses;
    return err;
}

static enum nhi_err load_recorded(struct nhi_ledger *l, const struct nhi_ticket *t, struct nhi_facts *f)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT t.kid, t.agent, t.task, t.uses, t.root, (SELECT p.jti FROM ticket p"
                          "  WHERE p.jti = t.renews AND p.superseded = 0), t.successor, t.superseded,"
                          " t.tree, t.no_pin, t.n <= (SELECT epoch_ticket FROM setting),"
                          " coalesce((SELECT r.kid FROM ticket r WHERE r.jti = t.root), t.kid)"
                          " FROM ticket t WHERE t.jti = ?",
                          "s", t->jti);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        err = read_recorded(st, t, f);
    sqlite3_finalize(st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

/* Its parent, the parent of that …, and the first ticket of each lineage, which a revocation of a lineage names. The
 * ticket may be unknown here, so its claims say what to look for, not its row. */
static enum nhi_err load_ancestors(struct nhi_ledger *l, const struct nhi_ticket *t, struct nhi_facts *f)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "WITH RECURSIVE up(jti) AS (SELECT ?1 UNION SELECT ?3 UNION SELECT q.root"
                          "  FROM ticket q JOIN up ON q.jti = up.jti UNION SELECT p.parent"
                          "  FROM ticket p JOIN up ON p.jti = up.jti WHERE p.parent IS NOT NULL)"
                          " SELECT jti FROM up WHERE jti <> '' AND jti <> ?3 LIMIT ?2",
                          "sis", t->parent, (int64_t)NHI_ANCESTORS_MAX + 1, t->jti);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        if (f->ancestor_count == NHI_ANCESTORS_MAX) {
            f->revoked = true;
            err = NHI_ERR_NOT_FOUND;
            break;
        }
        nhi_sql_text(st, 0, f->ancestors[f->ancestor_count++], sizeof(f->ancestors[0]), &err);
    }
    sqlite3_finalize(st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static enum nhi_err load_revoked(struct nhi_ledger *l, const struct nhi_ticket *t, struct nhi_facts *f)
{
    static const char sql[] = "SELECT count(*) FROM revocation WHERE kind = ? AND id = ?";
    enum nhi_err err;
    int64_t n = 0;

    err = nhi_sql_number(l, &n, sql, "is", (int64_t)NHI_REVOKE_TASK, t->task);
    f->revoked = f->revoked || n > 0;
    if (err == NHI_OK)
        err = nhi_sql_number(l, &n, sql, "is", (int64_t)NHI_REVOKE_TICKET, t->jti);
    f->revoked = f->revoked || n > 0;
    for (size_t i = 0; i < f->ancestor_count && err == NHI_OK; i++) {
        err = nhi_sql_number(l, &n, sql, "is", (int64_t)NHI_REVOKE_TICKET, f->ancestors[i]);
        f->revoked = f->revoked || n > 0;
    }
    return err;
}

enum nhi_err nhi_facts_load(struct nhi_ledger *l, const struct nhi_ticket *t, struct nhi_facts *out)
{
    struct nhi_facts f;
    struct nhi_settings s;
    enum nhi_err err;

    memset(&f, 0, sizeof(f));
    err = nhi_ledger_settings(l, &s);
    if (err == NHI_OK) {
        memcpy(f.host, s.host, sizeof(f.host));
        f.latest = s.latest;
        f.epoch_at = s.epoch_at;
        f.pin_records = s.pin_records;
        f.max_lifetime = s.max_lifetime;
        f.overdue_denies = s.overdue_denies;
        f.unsupervised = !s.unsupervised;
        if (s.policy != 0)
            err = nhi_policy_hash(l, s.policy, f.policy);
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
            err = load_recorded(l, t, &f);
        if (err == NHI_OK)
            err = load_ancestors(l, t, &f);
        if (err == NHI_OK)
            err = load_revoked(l, t, &f);
    }
    if (err == NHI_OK)
        *out = f;
    return err;
}

void nhi_facts_free(struct nhi_facts *f)
{
    if (f == NULL)
        return;
    free(f->rules);
    f->rules = NULL;
    f->rule_count = 0;
}
