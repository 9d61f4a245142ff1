/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_issuer.h"

#include <string.h>

#include "libnhi/ledger/sql.h"

#define ISSUER_COLUMNS "kid, pk, state, own, opens_tasks, agents, accounts, services, max_ttl, added"

static bool bound_ok(const char *bound, bool (*word_ok)(const char *))
{
    return strcmp(bound, "*") == 0 || nhi_list_is_valid(bound, word_ok);
}

enum nhi_err nhi_issuer_add(struct nhi_ledger *l, const struct nhi_issuer *i, int64_t now)
{
    if (!nhi_name_is_kid(i->kid) || !bound_ok(i->agents, nhi_name_is_agent) ||
        !bound_ok(i->accounts, nhi_name_is_account) || !bound_ok(i->services, nhi_name_is_service) || i->max_ttl <= 0)
        return NHI_ERR_ARG;
    return nhi_sql_run(l, NULL, "INSERT INTO issuer VALUES (?,?,1,?,?,?,?,?,?,?9,?9,'')", "skiisssii", i->kid, i->pk,
                       (int64_t)i->own, (int64_t)i->opens_tasks, i->agents, i->accounts, i->services, i->max_ttl, now);
}

static enum nhi_err read_issuer(sqlite3_stmt *st, struct nhi_issuer *i)
{
    enum nhi_err err = NHI_OK;

    memset(i, 0, sizeof(*i));
    nhi_sql_text(st, 0, i->kid, sizeof(i->kid), &err);
    nhi_sql_key(st, 1, i->pk, &err);
    i->state = (enum nhi_issuer_state)nhi_sql_int(st, 2, NHI_ISSUER_ACTIVE, NHI_ISSUER_REVOKED, &err);
    i->own = nhi_sql_int(st, 3, 0, 1, &err) == 1;
    i->opens_tasks = nhi_sql_int(st, 4, 0, 1, &err) == 1;
    nhi_sql_text(st, 5, i->agents, sizeof(i->agents), &err);
    nhi_sql_text(st, 6, i->accounts, sizeof(i->accounts), &err);
    nhi_sql_text(st, 7, i->services, sizeof(i->services), &err);
    i->max_ttl = nhi_sql_int(st, 8, 1, INT64_MAX, &err);
    i->added = nhi_sql_int(st, 9, 0, INT64_MAX, &err);
    return err;
}

enum nhi_err nhi_issuer_get(struct nhi_ledger *l, const char *kid, struct nhi_issuer *out)
{
    struct nhi_issuer i;
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT " ISSUER_COLUMNS " FROM issuer WHERE kid = ?", "s", kid);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        err = read_issuer(st, &i);
    nhi_sql_done(l, st);
    if (err == NHI_OK)
        *out = i;
    return err;
}

enum nhi_err nhi_issuer_set_state(struct nhi_ledger *l, const char *kid, enum nhi_issuer_state state,
                                  const char *reason, int64_t now)
{
    enum nhi_err err;
    int64_t had;

    err = nhi_sql_number(l, &had, "SELECT state FROM issuer WHERE kid = ?", "s", kid);
    if (err != NHI_OK)
        return err;
    if (had == (int64_t)state)
        return NHI_OK;
    if (had > (int64_t)state)
        return NHI_ERR_STATE;
    return nhi_sql_run(l, NULL, "UPDATE issuer SET state = ?2, changed = ?3, reason = ?4 WHERE kid = ?1", "siis", kid,
                       (int64_t)state, now, reason != NULL ? reason : "");
}

enum nhi_err nhi_issuer_each(struct nhi_ledger *l, int (*fn)(const struct nhi_issuer *, void *), void *ctx)
{
    struct nhi_issuer i;
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT " ISSUER_COLUMNS " FROM issuer ORDER BY added, kid", "");
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        err = read_issuer(st, &i);
        if (err == NHI_OK && fn(&i, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}
