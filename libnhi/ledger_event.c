#include <string.h>

#include "libnhi/sql.h"

static enum nhi_err insert(struct nhi_ledger *l, const struct nhi_event *e, const char *record,
                           bool *added)
{
    enum nhi_err err;
    int64_t changed;

    err = nhi_sql_run(l, &changed,
                      "INSERT INTO event (at, kind, agent, task, jti, record, detail)"
                      " VALUES (?,?,?,?,?,?,?) ON CONFLICT (record) DO NOTHING",
                      "issssss", e->at, e->kind, e->agent, e->task, e->jti, record,
                      e->detail != NULL ? e->detail : "{}");
    if (err == NHI_OK && added != NULL)
        *added = changed == 1;
    return err;
}

enum nhi_err nhi_event_add(struct nhi_ledger *l, const struct nhi_event *e)
{
    return insert(l, e, NULL, NULL);
}

enum nhi_err nhi_event_fold(struct nhi_ledger *l, const struct nhi_event *e, const char *id,
                            bool counted, bool *folded)
{
    enum nhi_err err;
    bool added = false;

    err = insert(l, e, id, &added);
    if (err == NHI_OK && added && counted)
        err = nhi_sql_run(l, NULL,
                          "UPDATE ticket SET grants = grants + 1, last_used = max(last_used, ?2)"
                          " WHERE jti = ?1",
                          "si", e->jti, e->at);
    if (err == NHI_OK && added && counted)
        err =
            nhi_sql_run(l, NULL, "UPDATE agent SET last_used = max(last_used, ?2) WHERE name = ?1",
                        "si", e->agent, e->at);
    if (err == NHI_OK)
        *folded = added;
    return err;
}

enum nhi_err nhi_event_each(struct nhi_ledger *l, int64_t after, int limit,
                            int (*fn)(const struct nhi_event *, void *), void *ctx)
{
    sqlite3_stmt *st = NULL;
    struct nhi_event e;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT seq, at, kind, agent, task, jti, detail FROM event"
                          " WHERE seq > ? ORDER BY seq LIMIT ?",
                          "ii", after, (int64_t)limit);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        memset(&e, 0, sizeof e);
        e.seq = nhi_sql_int(st, 0, 1, INT64_MAX, &err);
        e.at = nhi_sql_int(st, 1, 0, INT64_MAX, &err);
        nhi_sql_text(st, 2, e.kind, sizeof e.kind, &err);
        nhi_sql_text(st, 3, e.agent, sizeof e.agent, &err);
        nhi_sql_text(st, 4, e.task, sizeof e.task, &err);
        nhi_sql_text(st, 5, e.jti, sizeof e.jti, &err);
        e.detail = (const char *)sqlite3_column_text(st, 6);
        if (err == NHI_OK && e.detail == NULL)
            err = NHI_ERR_CORRUPT;
        if (err == NHI_OK && fn(&e, ctx) != 0)
            break;
    }
    sqlite3_finalize(st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_observed_add(struct nhi_ledger *l, const char *account, bool permitted, int64_t at)
{
    return nhi_sql_run(l, NULL,
                       "INSERT INTO observed VALUES (?1, 1 - ?2, ?2, ?3, ?3) ON CONFLICT (account)"
                       " DO UPDATE SET denied = denied + 1 - ?2, permitted = permitted + ?2,"
                       " first = min(first, ?3), last = max(last, ?3)",
                       "sii", account, (int64_t)permitted, at);
}

enum nhi_err nhi_observed_get(struct nhi_ledger *l, const char *account, struct nhi_observed *out)
{
    struct nhi_observed o = { .last = 0 };
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT denied, permitted, first, last FROM observed WHERE account = ?",
                          "s", account);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK) {
        o.denied = nhi_sql_int(st, 0, 0, INT64_MAX, &err);
        o.permitted = nhi_sql_int(st, 1, 0, INT64_MAX, &err);
        o.first = nhi_sql_int(st, 2, 0, INT64_MAX, &err);
        o.last = nhi_sql_int(st, 3, 0, INT64_MAX, &err);
    }
    sqlite3_finalize(st);
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return err;
    *out = o;
    return NHI_OK;
}
