/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_fact.h"

#include <string.h>

#include "libnhi/ledger/ledger_fact_row.h"

/* The first row of a statement, which it finalizes. */
static enum nhi_err one_row(struct nhi_ledger *l, sqlite3_stmt *st, fact_row_fn read, struct nhi_value *v)
{
    struct nhi_fact_key key;
    enum nhi_err err = nhi_sql_step(l, st);

    if (err == NHI_OK)
        err = read(st, &key, v);
    nhi_sql_done(l, st);
    return err;
}

static enum nhi_err one(struct nhi_ledger *l, const char *sql, const char *name, fact_row_fn read, struct nhi_value *v)
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
        return fact_put_host(l, 0, out);
    case NHI_FACT_ISSUER:
        return fact_put_issuer(l, name, out);
    case NHI_FACT_AGENT:
        return one(l, NHI_FACT_AGENTS " WHERE name = ?", name, fact_read_agent, out);
    case NHI_FACT_TASK:
        return one(l, NHI_FACT_TASKS " WHERE id = ?", name, fact_read_task, out);
    case NHI_FACT_TICKET:
        return one(l, NHI_FACT_TICKETS " WHERE t.jti = ?", name, fact_read_ticket_fact, out);
    case NHI_FACT_NEWEST:
        return one(l, "SELECT jti FROM ticket WHERE root = ?1 AND jti <> ?1 AND successor IS NULL", name, read_jti,
                   out);
    case NHI_FACT_REVOKED:
        return get_revoked(l, name);
    case NHI_FACT_ZONE:
        return fact_put_zone(l, name, out);
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

static enum nhi_err prepare_list(struct nhi_ledger *l, const struct nhi_fact_key *key, sqlite3_stmt **st,
                                 fact_row_fn *read)
{
    char a[NHI_FACT_KEY_MAX + 1] = "";
    const char *b;

    memcpy(a, key->bytes, key->len);
    b = a + strlen(a) + 1;
    *read = read_jti;
    switch (key->kind) {
    case NHI_LIST_RULES:
        *read = fact_read_rule;
        return nhi_sql_prepare(
            l, st, NHI_FACT_RULES " AND i.pattern = (?1 = '') AND (?1 = '' OR i.agent = ?1) AND i.account = ?2", "ss",
            a, b);
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
    fact_row_fn read;
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
