/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_fact_all.h"

#include <string.h>

#include "libnhi/ledger/ledger_fact_row.h"
#include "libnhi/ledger/ledger_issuer.h"

struct adding {
    struct nhi_ledger *l;
    nhi_fact_fn add;
    void *ctx;
    char host[NHI_HOST_MAX + 1];
    bool alone; /* one ticket: what is known from several is not collected elsewhere */
};

static enum nhi_err add_all(const struct adding *a, const char *sql, fact_row_fn read)
{
    struct nhi_value v = { .len = 0 };
    struct nhi_fact_key key;
    sqlite3_stmt *st = NULL;
    enum nhi_err err = nhi_sql_prepare(a->l, &st, sql, "");

    while (err == NHI_OK && (err = nhi_sql_step(a->l, st)) == NHI_OK) {
        nhi_value_begin(&v);
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
    struct nhi_value v;

    nhi_value_begin(&v);
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
    struct nhi_fact_key key = nhi_fact_key(NHI_FACT_TICKET, t->jti);
    struct nhi_value v;
    enum nhi_err err;

    nhi_value_begin(&v);
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
        err = fact_read_ticket(st, &f);
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

    err = nhi_sql_prepare(a->l, &st, NHI_FACT_TICKETS " WHERE t.exp > " SINCE, "i", now);
    if (err == NHI_OK)
        err = add_tickets(a, st);
    if (err == NHI_OK)
        err = nhi_sql_prepare(a->l, &st,
                              EARLIER NHI_FACT_TICKETS " WHERE t.jti IN (SELECT jti FROM up) AND NOT t.exp > " SINCE,
                              "i", now);
    if (err == NHI_OK)
        err = add_tickets(a, st);
    return err;
}

static enum nhi_err add_host(const struct adding *a, uint8_t fit)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_HOST, "");
    struct nhi_value v = { .len = 0 };
    enum nhi_err err = fact_put_host(a->l, fit, &v);

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
        nhi_value_begin(&v);
        nhi_sql_text(st, 0, zone, sizeof(zone), &err);
        key = nhi_fact_key(NHI_FACT_ZONE, zone);
        if (err == NHI_OK)
            err = fact_put_zone(a->l, zone, &v);
        if (err == NHI_OK)
            err = a->add(a->ctx, &key, &v);
    }
    nhi_sql_done(a->l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static enum nhi_err start(struct nhi_ledger *l, nhi_fact_fn add, void *ctx, struct adding *a)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err = nhi_sql_prepare(l, &st, "SELECT host FROM setting", "");

    *a = (struct adding){ .l = l, .add = add, .ctx = ctx };
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        nhi_sql_text(st, 0, a->host, sizeof(a->host), &err);
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_ERR_CORRUPT : err;
}

enum nhi_err nhi_sql_facts(struct nhi_ledger *l, int64_t now, uint8_t fit, nhi_fact_fn add, void *ctx)
{
    static const struct {
        const char *sql;
        fact_row_fn read;
    } rows[] = {
        { NHI_FACT_AGENTS, fact_read_agent },
        { NHI_FACT_TASKS, fact_read_task },
        { NHI_FACT_REVOCATIONS, fact_read_revocation },
        { NHI_FACT_RULES, fact_read_rule },
        { NHI_FACT_KEYS, fact_read_key },
        { NHI_FACT_ACCOUNTS, fact_read_account },
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

enum nhi_err nhi_sql_facts_of(struct nhi_ledger *l, const char *jti, nhi_fact_fn add, void *ctx)
{
    sqlite3_stmt *st = NULL;
    struct adding a;
    enum nhi_err err = start(l, add, ctx, &a);

    a.alone = true;
    if (err == NHI_OK)
        err = nhi_sql_prepare(l, &st, NHI_FACT_TICKETS " WHERE t.jti = ?", "s", jti);
    return err == NHI_OK ? add_tickets(&a, st) : err;
}
