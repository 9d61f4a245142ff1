/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_fact.h"

#include <string.h>

#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/ticket/sshopt.h"

/* ---- one row as a fact ---- */

/* Reads the row of a statement. */
typedef enum nhi_err (*row_fn)(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v);

#define AGENTS "SELECT name, uid, state, owner, review_by, revoked_until FROM agent"
static enum nhi_err read_agent(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
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

#define TASKS "SELECT id, agent, state, deadline FROM task"
static enum nhi_err read_task(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
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

#define REVOCATIONS "SELECT kind, id FROM revocation"
static enum nhi_err read_revocation(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
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

#define KEYS "SELECT cnf FROM ticket WHERE cnf IS NOT NULL UNION SELECT cnf FROM bound_key"
static enum nhi_err read_key(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
{
    uint8_t pk[NHI_PK_LEN] = { 0 };
    enum nhi_err err = NHI_OK;

    (void)v;
    nhi_sql_key(st, 0, pk, &err);
    *key = nhi_fact_key_pk(NHI_FACT_BOUND, pk);
    return err;
}

/* Looks for the next account each time, however many tickets name one. */
#define ACCOUNTS \
    "WITH RECURSIVE a(x) AS (SELECT min(account) FROM ticket_account UNION ALL SELECT" \
    "  (SELECT min(c.account) FROM ticket_account c WHERE c.account > a.x) FROM a WHERE a.x IS NOT NULL)" \
    " SELECT x FROM a WHERE x IS NOT NULL UNION SELECT account FROM bound_key"
static enum nhi_err read_account(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
{
    char account[NHI_ACCOUNT_MAX + 1];
    enum nhi_err err = NHI_OK;

    (void)v;
    nhi_sql_text(st, 0, account, sizeof(account), &err);
    *key = nhi_fact_key(NHI_FACT_NAMED, account);
    return err;
}

#define RULES \
    "SELECT i.pattern, i.agent, i.account, i.zone, i.line FROM setting s JOIN rule_index i ON s.one = 1" \
    " AND i.version = s.policy"
static enum nhi_err read_rule(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
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

#define TICKETS \
    "SELECT t.jti, t.kid, t.agent, t.task, t.host, t.accounts, t.services, t.iat, t.nbf, t.exp, t.uses, t.cnf," \
    " t.parent, t.ssh, t.n, t.recorded, t.root, t.renews, t.successor, t.tree, t.superseded, t.no_pin FROM ticket t"
static enum nhi_err read_ticket(sqlite3_stmt *st, struct nhi_fact_ticket *f)
{
    struct nhi_ticket *t = &f->ticket;
    enum nhi_err err = NHI_OK;

    memset(f, 0, sizeof(*f));
    nhi_sql_text(st, 0, t->jti, sizeof(t->jti), &err);
    nhi_sql_text(st, 1, t->kid, sizeof(t->kid), &err);
    nhi_sql_text(st, 2, t->agent, sizeof(t->agent), &err);
    nhi_sql_text(st, 3, t->task, sizeof(t->task), &err);
    nhi_sql_text(st, 4, t->host, sizeof(t->host), &err);
    nhi_sql_text(st, 5, t->accounts, sizeof(t->accounts), &err);
    nhi_sql_text(st, 6, t->services, sizeof(t->services), &err);
    t->iat = nhi_sql_int(st, 7, 0, INT64_MAX, &err);
    t->nbf = nhi_sql_int(st, 8, 0, INT64_MAX, &err);
    t->exp = nhi_sql_int(st, 9, 0, INT64_MAX, &err);
    t->uses = (uint32_t)nhi_sql_int(st, 10, 0, UINT32_MAX, &err);
    t->has_cnf = sqlite3_column_type(st, 11) != SQLITE_NULL;
    if (t->has_cnf)
        nhi_sql_key(st, 11, t->cnf, &err);
    nhi_sql_text(st, 12, t->parent, sizeof(t->parent), &err);
    t->ssh = (uint32_t)nhi_sql_int(st, 13, 0, NHI_SSHOPT_ALL, &err);
    f->row = nhi_sql_int(st, 14, 1, INT64_MAX, &err);
    f->recorded = nhi_sql_int(st, 15, 0, INT64_MAX, &err);
    nhi_sql_text(st, 16, f->root, sizeof(f->root), &err);
    nhi_sql_text(st, 17, f->renews, sizeof(f->renews), &err);
    nhi_sql_text(st, 18, f->successor, sizeof(f->successor), &err);
    nhi_sql_text(st, 19, f->tree, sizeof(f->tree), &err);
    f->superseded = nhi_sql_int(st, 20, 0, 1, &err) == 1;
    f->no_pin = nhi_sql_int(st, 21, 0, 1, &err) == 1;
    return err;
}

static enum nhi_err read_ticket_fact(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
{
    struct nhi_fact_ticket f;
    enum nhi_err err = read_ticket(st, &f);

    *key = nhi_fact_key(NHI_FACT_TICKET, f.ticket.jti);
    nhi_fact_put_ticket(v, &f);
    return err;
}

/* ---- what has no row of its own ---- */

static enum nhi_err put_host(struct nhi_ledger *l, uint8_t fit, struct nhi_value *v)
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

static enum nhi_err put_issuer(struct nhi_ledger *l, const char *kid, struct nhi_value *v)
{
    struct nhi_issuer i;
    enum nhi_err err = nhi_issuer_get(l, kid, &i);

    if (err == NHI_OK)
        nhi_fact_put_issuer(v, &i);
    return err;
}

static enum nhi_err put_zone(struct nhi_ledger *l, const char *zone, struct nhi_value *v)
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

/* ---- the source ---- */

/* The first row of a statement, which it finalizes. */
static enum nhi_err one_row(struct nhi_ledger *l, sqlite3_stmt *st, row_fn read, struct nhi_value *v)
{
    struct nhi_fact_key key;
    enum nhi_err err = nhi_sql_step(l, st);

    if (err == NHI_OK)
        err = read(st, &key, v);
    nhi_sql_done(l, st);
    return err;
}

static enum nhi_err one(struct nhi_ledger *l, const char *sql, const char *name, row_fn read, struct nhi_value *v)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err = nhi_sql_prepare(l, &st, sql, "s", name);

    return err == NHI_OK ? one_row(l, st, read, v) : err;
}

static enum nhi_err exists(struct nhi_ledger *l, const char *sql, const char *types, const void *what)
{
    int64_t n = 0;
    enum nhi_err err = nhi_sql_number(l, &n, sql, types, what);

    return err == NHI_OK && n == 0 ? NHI_ERR_NOT_FOUND : err;
}

static enum nhi_err get_revoked(struct nhi_ledger *l, const char *name)
{
    int64_t n = 0;
    enum nhi_err err = nhi_sql_number(l, &n, "SELECT count(*) FROM revocation WHERE kind = ? AND id = ?", "is",
                                      (int64_t)(name[0] - '0'), name + 2);

    return err == NHI_OK && n == 0 ? NHI_ERR_NOT_FOUND : err;
}

/* A jti alone, from the first column. */
static enum nhi_err read_jti(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v)
{
    char jti[NHI_JTI_LEN + 1];
    enum nhi_err err = NHI_OK;

    (void)key;
    nhi_sql_text(st, 0, jti, sizeof(jti), &err);
    nhi_fact_put_name(v, jti);
    return err;
}

static enum nhi_err get(void *ctx, const struct nhi_fact_key *key, struct nhi_value *out)
{
    char name[NHI_FACT_KEY_MAX + 1] = "";
    struct nhi_ledger *l = ctx;

    memcpy(name, key->bytes, key->len);
    out->len = 0;
    out->full = false;
    switch (key->kind) {
    case NHI_FACT_HOST:
        return put_host(l, 0, out);
    case NHI_FACT_ISSUER:
        return put_issuer(l, name, out);
    case NHI_FACT_AGENT:
        return one(l, AGENTS " WHERE name = ?", name, read_agent, out);
    case NHI_FACT_TASK:
        return one(l, TASKS " WHERE id = ?", name, read_task, out);
    case NHI_FACT_TICKET:
        return one(l, TICKETS " WHERE t.jti = ?", name, read_ticket_fact, out);
    case NHI_FACT_NEWEST:
        return one(l, "SELECT jti FROM ticket WHERE root = ?1 AND jti <> ?1 AND successor IS NULL", name, read_jti,
                   out);
    case NHI_FACT_REVOKED:
        return get_revoked(l, name);
    case NHI_FACT_ZONE:
        return put_zone(l, name, out);
    case NHI_FACT_BOUND:
        return exists(l,
                      "SELECT EXISTS (SELECT 1 FROM ticket WHERE cnf = ?1)"
                      " OR EXISTS (SELECT 1 FROM bound_key WHERE cnf = ?1)",
                      "k", key->bytes);
    case NHI_FACT_NAMED:
        return exists(l,
                      "SELECT EXISTS (SELECT 1 FROM ticket_account WHERE account = ?1)"
                      " OR EXISTS (SELECT 1 FROM bound_key WHERE account = ?1)",
                      "s", name);
    default:
        return NHI_ERR_ARG;
    }
}

static enum nhi_err prepare_list(struct nhi_ledger *l, const struct nhi_fact_key *key, sqlite3_stmt **st, row_fn *read)
{
    char a[NHI_FACT_KEY_MAX + 1] = "";
    const char *b;

    memcpy(a, key->bytes, key->len);
    b = a + strlen(a) + 1;
    *read = read_jti;
    switch (key->kind) {
    case NHI_LIST_RULES:
        *read = read_rule;
        return nhi_sql_prepare(
            l, st, RULES " AND i.pattern = (?1 = '') AND (?1 = '' OR i.agent = ?1) AND i.account = ?2", "ss", a, b);
    case NHI_LIST_ACCOUNT:
        return nhi_sql_prepare(l, st,
                               "SELECT t.jti FROM ticket_account c JOIN ticket t ON t.jti = c.jti WHERE c.account = ?1"
                               " AND instr(' '||t.services||' ', ' '||?2||' ') > 0",
                               "ss", a, b);
    case NHI_LIST_KEY:
        return nhi_sql_prepare(l, st, "SELECT jti FROM ticket WHERE cnf = ?", "k", key->bytes);
    case NHI_LIST_OTHERS:
        return nhi_sql_prepare(l, st, "SELECT kid FROM issuer WHERE own = 0", "");
    default:
        return NHI_ERR_ARG;
    }
}

static enum nhi_err each(void *ctx, const struct nhi_fact_key *key,
                         enum nhi_err (*fn)(struct nhi_value *entry, void *arg), void *arg)
{
    struct nhi_ledger *l = ctx;
    struct nhi_fact_key found;
    sqlite3_stmt *st = NULL;
    struct nhi_value v;
    row_fn read;
    enum nhi_err err = prepare_list(l, key, &st, &read);

    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        v.len = 0;
        v.full = false;
        err = read(st, &found, &v);
        if (err == NHI_OK && (err = fn(&v, arg)) != NHI_OK) {
            nhi_sql_done(l, st);
            return err;
        }
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static const char *why(void *ctx)
{
    return nhi_ledger_message(ctx);
}

struct nhi_fact_source nhi_ledger_source(struct nhi_ledger *l)
{
    return (struct nhi_fact_source){ .ctx = l, .get = get, .each = each, .why = why };
}

/* ---- everything ---- */

struct adding {
    struct nhi_ledger *l;
    nhi_fact_add_fn add;
    void *ctx;
    char host[NHI_HOST_MAX + 1];
    bool alone; /* one ticket: what is known from several is not collected elsewhere */
};

static enum nhi_err add_all(const struct adding *a, const char *sql, row_fn read)
{
    struct nhi_value v = { .len = 0 };
    struct nhi_fact_key key;
    sqlite3_stmt *st = NULL;
    enum nhi_err err = nhi_sql_prepare(a->l, &st, sql, "");

    while (err == NHI_OK && (err = nhi_sql_step(a->l, st)) == NHI_OK) {
        v.len = 0;
        v.full = false;
        err = read(st, &key, &v);
        if (err == NHI_OK)
            err = a->add(a->ctx, &key, &v);
        if (err == NHI_ERR_NOT_FOUND)
            err = NHI_ERR_SYS;
    }
    nhi_sql_done(a->l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static enum nhi_err add_name(const struct adding *a, const struct nhi_fact_key *key, const char *name)
{
    struct nhi_value v = { .len = 0 };

    nhi_fact_put_name(&v, name);
    return a->add(a->ctx, key, &v);
}

static enum nhi_err add_uses(const struct adding *a, const struct nhi_ticket *t, const char *account)
{
    char service[NHI_LIST_MAX + 1];
    const char *at = t->services;
    struct nhi_fact_key key;
    enum nhi_err err = NHI_OK;

    while (err == NHI_OK && (at = nhi_list_next(at, service)) != NULL) {
        key = nhi_fact_key_pair(NHI_LIST_ACCOUNT, account, service);
        err = add_name(a, &key, t->jti);
    }
    if (err != NHI_OK || !a->alone)
        return err;
    key = nhi_fact_key(NHI_FACT_NAMED, account);
    return add_name(a, &key, "");
}

/* What a ticket is found by. */
static enum nhi_err add_ticket(const struct adding *a, const struct nhi_fact_ticket *f)
{
    const struct nhi_ticket *t = &f->ticket;
    const bool here = strcmp(t->host, a->host) == 0;
    char account[NHI_LIST_MAX + 1];
    const char *at = t->accounts;
    struct nhi_value v = { .len = 0 };
    struct nhi_fact_key key = nhi_fact_key(NHI_FACT_TICKET, t->jti);
    enum nhi_err err;

    nhi_fact_put_ticket(&v, f);
    err = a->add(a->ctx, &key, &v);
    while (here && err == NHI_OK && (at = nhi_list_next(at, account)) != NULL)
        err = add_uses(a, t, account);
    if (err == NHI_OK && t->has_cnf) {
        key = nhi_fact_key_pk(NHI_LIST_KEY, t->cnf);
        err = add_name(a, &key, t->jti);
    }
    if (err == NHI_OK && t->has_cnf && a->alone) {
        key = nhi_fact_key_pk(NHI_FACT_BOUND, t->cnf);
        err = add_name(a, &key, "");
    }
    if (err == NHI_OK && f->successor[0] == '\0' && strcmp(f->root, t->jti) != 0) {
        key = nhi_fact_key(NHI_FACT_NEWEST, f->root);
        err = add_name(a, &key, t->jti);
    }
    return err;
}

static enum nhi_err add_tickets(const struct adding *a, sqlite3_stmt *st)
{
    struct nhi_fact_ticket f;
    enum nhi_err err;

    while ((err = nhi_sql_step(a->l, st)) == NHI_OK) {
        err = read_ticket(st, &f);
        if (err == NHI_OK)
            err = add_ticket(a, &f);
        if (err != NHI_OK)
            break;
    }
    nhi_sql_done(a->l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

/* A ticket counts as long as the same ID could be shown with a later end: for the longest lifetime that any issuer may
 * give after its own end. Of the others, those that one of these descends from, or that it renews. */
#define SINCE "(?1 - " NHI_SKEW_TEXT " - (SELECT coalesce(max(max_ttl), 0) FROM issuer WHERE state <= 2))"
#define EARLIER \
    "WITH RECURSIVE up(jti) AS (SELECT parent FROM ticket WHERE exp > " SINCE " AND parent IS NOT NULL" \
    "  UNION SELECT s.jti FROM ticket s WHERE s.root IN (SELECT root FROM ticket WHERE exp > " SINCE \
    " AND root <> jti)" \
    "  UNION SELECT q.root FROM ticket q JOIN up ON q.jti = up.jti" \
    "  UNION SELECT p.parent FROM ticket p JOIN up ON p.jti = up.jti WHERE p.parent IS NOT NULL)"
#define NHI_SKEW_TEXT "30"
_Static_assert(NHI_CLOCK_SKEW == 30, "SINCE names the same number");

static enum nhi_err add_each_ticket(const struct adding *a, int64_t now)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(a->l, &st, TICKETS " WHERE t.exp > " SINCE, "i", now);
    if (err == NHI_OK)
        err = add_tickets(a, st);
    if (err == NHI_OK)
        err = nhi_sql_prepare(a->l, &st, EARLIER TICKETS " WHERE t.jti IN (SELECT jti FROM up) AND NOT t.exp > " SINCE,
                              "i", now);
    if (err == NHI_OK)
        err = add_tickets(a, st);
    return err;
}

static enum nhi_err add_host(const struct adding *a, uint8_t fit)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_HOST, "");
    struct nhi_value v = { .len = 0 };
    enum nhi_err err = put_host(a->l, fit, &v);

    return err == NHI_OK ? a->add(a->ctx, &key, &v) : err;
}

struct issuers {
    const struct adding *a;
    enum nhi_err err;
};

static int add_issuer(const struct nhi_issuer *i, void *ctx)
{
    struct issuers *all = ctx;
    struct nhi_fact_key key = nhi_fact_key(NHI_FACT_ISSUER, i->kid);
    struct nhi_value v = { .len = 0 };

    nhi_fact_put_issuer(&v, i);
    all->err = all->a->add(all->a->ctx, &key, &v);
    key = nhi_fact_key(NHI_LIST_OTHERS, "");
    if (all->err == NHI_OK && !i->own)
        all->err = add_name(all->a, &key, i->kid);
    return all->err != NHI_OK;
}

static enum nhi_err add_issuers(const struct adding *a)
{
    struct issuers all = { .a = a };
    enum nhi_err err = nhi_issuer_each(a->l, add_issuer, &all);

    return err == NHI_OK ? all.err : err;
}

static enum nhi_err add_zones(const struct adding *a)
{
    char zone[NHI_ZONE_MAX + 1];
    struct nhi_fact_key key;
    sqlite3_stmt *st = NULL;
    struct nhi_value v;
    enum nhi_err err;

    err = nhi_sql_prepare(a->l, &st, "SELECT DISTINCT name FROM zone WHERE version = (SELECT policy FROM setting)", "");
    while (err == NHI_OK && (err = nhi_sql_step(a->l, st)) == NHI_OK) {
        v.len = 0;
        v.full = false;
        nhi_sql_text(st, 0, zone, sizeof(zone), &err);
        key = nhi_fact_key(NHI_FACT_ZONE, zone);
        if (err == NHI_OK)
            err = put_zone(a->l, zone, &v);
        if (err == NHI_OK)
            err = a->add(a->ctx, &key, &v);
    }
    nhi_sql_done(a->l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static enum nhi_err start(struct nhi_ledger *l, nhi_fact_add_fn add, void *ctx, struct adding *a)
{
    struct nhi_settings s;
    enum nhi_err err = nhi_ledger_settings(l, &s);

    *a = (struct adding){ .l = l, .add = add, .ctx = ctx };
    if (err == NHI_OK)
        memcpy(a->host, s.host, sizeof(a->host));
    return err;
}

enum nhi_err nhi_sql_facts(struct nhi_ledger *l, int64_t now, uint8_t fit, nhi_fact_add_fn add, void *ctx)
{
    static const struct {
        const char *sql;
        row_fn read;
    } rows[] = {
        { AGENTS, read_agent }, { TASKS, read_task }, { REVOCATIONS, read_revocation },
        { RULES, read_rule },   { KEYS, read_key },   { ACCOUNTS, read_account },
    };
    struct adding a;
    enum nhi_err err = start(l, add, ctx, &a);

    if (err == NHI_OK)
        err = add_host(&a, fit);
    if (err == NHI_OK)
        err = add_issuers(&a);
    for (size_t i = 0; err == NHI_OK && i < sizeof(rows) / sizeof(rows[0]); i++)
        err = add_all(&a, rows[i].sql, rows[i].read);
    if (err == NHI_OK)
        err = add_zones(&a);
    return err == NHI_OK ? add_each_ticket(&a, now) : err;
}

enum nhi_err nhi_sql_facts_of(struct nhi_ledger *l, const char *jti, nhi_fact_add_fn add, void *ctx)
{
    sqlite3_stmt *st = NULL;
    struct adding a;
    enum nhi_err err = start(l, add, ctx, &a);

    a.alone = true;
    if (err == NHI_OK)
        err = nhi_sql_prepare(l, &st, TICKETS " WHERE t.jti = ?", "s", jti);
    return err == NHI_OK ? add_tickets(&a, st) : err;
}
