/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_fact_row.h"

#include <string.h>

#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"

enum nhi_err fact_read_agent(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
{
    struct nhi_fact_agent a = { .uid = 0 };
    char name[NHI_AGENT_MAX + 1];
    enum nhi_err err = NHI_OK;

    nhi_sql_text(st, 0, name, sizeof(name), &err);
    a.uid = (uint32_t)nhi_sql_int(st, 1, 1, INT32_MAX, &err);
    a.state = (enum nhi_agent_state)nhi_sql_int(st, 2, NHI_AGENT_ACTIVE, NHI_AGENT_RETIRED, &err);
    nhi_sql_text(st, 3, a.owner, sizeof(a.owner), &err);
    a.review_by = nhi_sql_int(st, 4, 0, INT64_MAX, &err);
    a.revoked_until = nhi_sql_int(st, 5, 0, INT64_MAX, &err);
    *key = nhi_fact_key(NHI_FACT_AGENT, name);
    nhi_fact_put_agent(v, &a);
    return err;
}

enum nhi_err fact_read_task(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
{
    struct nhi_fact_task t = { .agent = "" };
    char id[NHI_TASK_MAX + 1];
    enum nhi_err err = NHI_OK;

    nhi_sql_text(st, 0, id, sizeof(id), &err);
    nhi_sql_text(st, 1, t.agent, sizeof(t.agent), &err);
    t.state = (enum nhi_task_state)nhi_sql_int(st, 2, NHI_TASK_OPEN, NHI_TASK_CLOSED, &err);
    t.deadline = nhi_sql_int(st, 3, 0, INT64_MAX, &err);
    *key = nhi_fact_key(NHI_FACT_TASK, id);
    nhi_fact_put_task(v, &t);
    return err;
}

enum nhi_err fact_read_revocation(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
{
    char id[NHI_TASK_MAX + 1];
    enum nhi_err err = NHI_OK;
    unsigned kind;

    (void)v;
    kind = (unsigned)nhi_sql_int(st, 0, 0, 9, &err);
    nhi_sql_text(st, 1, id, sizeof(id), &err);
    *key = nhi_fact_key_revoked(kind, id);
    return err;
}

enum nhi_err fact_read_key(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
{
    uint8_t pk[NHI_PK_LEN] = { 0 };
    enum nhi_err err = NHI_OK;

    (void)v;
    nhi_sql_key(st, 0, pk, &err);
    *key = nhi_fact_key_pk(NHI_FACT_BOUND, pk);
    return err;
}

enum nhi_err fact_read_account(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
{
    char account[NHI_ACCOUNT_MAX + 1];
    enum nhi_err err = NHI_OK;

    (void)v;
    nhi_sql_text(st, 0, account, sizeof(account), &err);
    *key = nhi_fact_key(NHI_FACT_NAMED, account);
    return err;
}

enum nhi_err fact_read_rule(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
{
    struct nhi_fact_rule r = { .pattern = "" };
    char agent[NHI_LIST_MAX + 1], account[NHI_LIST_MAX + 1];
    enum nhi_err err = NHI_OK;

    nhi_sql_text(st, 1, agent, sizeof(agent), &err);
    nhi_sql_text(st, 2, account, sizeof(account), &err);
    nhi_sql_text(st, 3, r.zone, sizeof(r.zone), &err);
    r.line = (const char *)sqlite3_column_text(st, 4);
    if (err != NHI_OK || r.line == NULL || strlen(r.line) != (size_t)sqlite3_column_bytes(st, 4))
        return NHI_ERR_CORRUPT;
    if (nhi_sql_int(st, 0, 0, 1, &err) == 1) {
        memcpy(r.pattern, agent, sizeof(r.pattern));
        agent[0] = '\0';
    }
    *key = nhi_fact_key_pair(NHI_LIST_RULES, agent, account);
    nhi_fact_put_rule(v, &r);
    return err;
}

enum nhi_err fact_read_ticket(sqlite3_stmt *st, struct nhi_fact_ticket *f)
{
    enum nhi_err err = NHI_OK;
    int at = NHI_CLAIMS_END;

    memset(f, 0, sizeof(*f));
    nhi_sql_claims(st, &f->ticket, &err);
    f->row = nhi_sql_int(st, at++, 1, INT64_MAX, &err);
    f->recorded = nhi_sql_int(st, at++, 0, INT64_MAX, &err);
    nhi_sql_text(st, at++, f->root, sizeof(f->root), &err);
    nhi_sql_text(st, at++, f->renews, sizeof(f->renews), &err);
    nhi_sql_text(st, at++, f->successor, sizeof(f->successor), &err);
    nhi_sql_text(st, at++, f->tree, sizeof(f->tree), &err);
    f->superseded = nhi_sql_int(st, at++, 0, 1, &err) == 1;
    f->no_pin = nhi_sql_int(st, at, 0, 1, &err) == 1;
    return err;
}

enum nhi_err fact_read_ticket_fact(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
{
    struct nhi_fact_ticket f;
    enum nhi_err err = fact_read_ticket(st, &f);

    *key = nhi_fact_key(NHI_FACT_TICKET, f.ticket.jti);
    nhi_fact_put_ticket(v, &f);
    return err;
}

/* ---- what has no row of its own ---- */

enum nhi_err fact_put_host(struct nhi_ledger *l, uint8_t fit, struct nhi_value *v)
{
    struct nhi_fact_host h = { .fit = fit };
    struct nhi_settings s;
    enum nhi_err err = nhi_ledger_settings(l, &s);

    if (err == NHI_OK)
        err = nhi_sql_number(l, &h.epoch_ticket, "SELECT epoch_ticket FROM setting", "");
    if (err == NHI_OK && s.policy != 0)
        err = nhi_policy_hash(l, s.policy, h.policy);
    if (err != NHI_OK)
        return err;
    memcpy(h.host, s.host, sizeof(h.host));
    h.latest = s.latest;
    h.epoch = s.epoch;
    h.epoch_at = s.epoch_at;
    h.max_lifetime = s.max_lifetime;
    h.pin_records = s.pin_records;
    h.overdue_denies = s.overdue_denies;
    h.unsupervised = s.unsupervised;
    h.unflushed = s.unflushed;
    nhi_fact_put_host(v, &h);
    return NHI_OK;
}

enum nhi_err fact_put_issuer(struct nhi_ledger *l, const char *kid, struct nhi_value *v)
{
    struct nhi_issuer i;
    enum nhi_err err = nhi_issuer_get(l, kid, &i);

    if (err == NHI_OK)
        nhi_fact_put_issuer(v, &i);
    return err;
}

enum nhi_err fact_put_zone(struct nhi_ledger *l, const char *zone, struct nhi_value *v)
{
    struct nhi_fact_offset o = { .at = 0 };
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT at, ahead FROM zone WHERE version = (SELECT policy FROM setting) AND name = ?"
                          " ORDER BY at",
                          "s", zone);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        o.at = nhi_sql_int(st, 0, INT64_MIN, INT64_MAX, &err);
        o.known = sqlite3_column_type(st, 1) != SQLITE_NULL;
        o.ahead = o.known ? (int32_t)nhi_sql_int(st, 1, -86400, 86400, &err) : 0;
        nhi_fact_put_offset(v, &o);
    }
    nhi_sql_done(l, st);
    if (err == NHI_ERR_NOT_FOUND)
        return v->len > 0 ? NHI_OK : NHI_ERR_NOT_FOUND;
    return err;
}
