/* SPDX-License-Identifier: ISC */
/*
 * The chain of events, and the counters beside it.
 *
 * MUST: an event is added in the same transaction as the change that it records. MUST: no number is given twice, not
 * even after the newest events were removed: the gap is the proof of that.
 */
#include "libnhi/ledger/ledger_event.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/sql.h"

#define EVENT_COLUMNS \
    "seq, at, kind, host, agent, owner, task, jti, kid, account, service, source, origin," \
    " decision, reason, rule, policy, proof, record, within, session, cause, detail, prev, hash"

enum nhi_err nhi_event_head(struct nhi_ledger *l, struct nhi_head *out)
{
    struct nhi_head h = { .seq = 0 };
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0),"
                          " coalesce(e.seq, archived), coalesce(e.hash, archived_hash)"
                          " FROM setting LEFT JOIN"
                          " (SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1) e",
                          "");
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK) {
        h.given = nhi_sql_int(st, 0, 0, INT64_MAX - 1, &err);
        h.seq = nhi_sql_int(st, 1, 0, INT64_MAX - 1, &err);
        nhi_sql_text(st, 2, h.hash, sizeof(h.hash), &err);
    }
    nhi_sql_done(l, st);
    if (err == NHI_OK)
        *out = h;
    return err == NHI_ERR_NOT_FOUND ? NHI_ERR_CORRUPT : err;
}

static void fill(sqlite3_stmt *st, int col, char *out, size_t size, enum nhi_err *err)
{
    if (out[0] == '\0')
        nhi_sql_text(st, col, out, size, err);
}

/* Adds the host, and what the ledger knows about the ticket, its task and its agent that the caller did not set. */
static enum nhi_err fill_in(struct nhi_ledger *l, struct nhi_event *e)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT s.host, t.kid, t.task, coalesce(t.agent, k.agent), a.owner"
                          " FROM setting s LEFT JOIN ticket t ON t.jti = ?1"
                          " LEFT JOIN task k ON k.id = ?2"
                          " LEFT JOIN agent a ON a.name = coalesce(nullif(?3, ''), t.agent, k.agent)",
                          "sss", e->jti, e->task, e->agent);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK) {
        nhi_sql_text(st, 0, e->host, sizeof(e->host), &err);
        fill(st, 1, e->kid, sizeof(e->kid), &err);
        fill(st, 2, e->task, sizeof(e->task), &err);
        fill(st, 3, e->agent, sizeof(e->agent), &err);
        fill(st, 4, e->owner, sizeof(e->owner), &err);
    }
    nhi_sql_done(l, st);
    return err;
}

/* Sets its number and its place in the chain. */
static enum nhi_err chain(struct nhi_ledger *l, struct nhi_event *e)
{
    struct nhi_head head = { .seq = l->last_seq };
    enum nhi_err err = NHI_OK;

    memcpy(head.hash, l->last_hash, sizeof(head.hash));
    if (!l->chained)
        err = nhi_event_head(l, &head);
    if (err != NHI_OK)
        return err;
    e->seq = (head.given > head.seq ? head.given : head.seq) + 1;
    memcpy(e->prev, head.hash, sizeof(e->prev));
    return nhi_event_hash(e, e->hash);
}

enum nhi_err nhi_event_add(struct nhi_ledger *l, const struct nhi_event *event)
{
    struct nhi_event e = *event;
    enum nhi_err err;

    err = fill_in(l, &e);
    if (err == NHI_OK)
        err = chain(l, &e);
    if (err != NHI_OK)
        return err;
    err = nhi_sql_run(l, NULL,
                      "INSERT INTO event (" EVENT_COLUMNS ") VALUES"
                      " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                      "iisssssssssssssssssssssss", e.seq, e.at, e.kind, e.host, e.agent, e.owner, e.task, e.jti, e.kid,
                      e.account, e.service, e.source, e.from, e.decision, e.reason, e.rule, e.policy, e.proof,
                      e.record[0] != '\0' ? e.record : NULL, e.within, e.session, e.cause,
                      e.detail != NULL ? e.detail : "{}", e.prev, e.hash);
    l->chained = err == NHI_OK && sqlite3_get_autocommit(l->db) == 0;
    l->last_seq = e.seq;
    memcpy(l->last_hash, e.hash, sizeof(l->last_hash));
    return err;
}

enum nhi_err nhi_event_fold(struct nhi_ledger *l, const struct nhi_event *e, bool counted, bool *folded)
{
    enum nhi_err err;
    int64_t there;

    if (e->record[0] == '\0')
        return NHI_ERR_ARG;
    err = nhi_sql_number(l, &there,
                         "SELECT (SELECT count(*) FROM event WHERE record = ?1)"
                         " + (SELECT count(*) FROM archived_record WHERE record = ?1)",
                         "s", e->record);
    if (err == NHI_OK && there == 0)
        err = nhi_event_add(l, e);
    if (err == NHI_OK && there == 0 && counted)
        err = nhi_sql_run(l, NULL,
                          "UPDATE ticket SET grants = grants + 1, last_used = max(last_used, ?2)"
                          " WHERE jti = ?1",
                          "si", e->jti, e->at);
    if (err == NHI_OK && there == 0 && counted)
        err = nhi_sql_run(l, NULL, "UPDATE task SET used = max(used, ?2) WHERE id = ?1", "si", e->task, e->at);
    if (err == NHI_OK && there == 0 && counted)
        err = nhi_sql_run(l, NULL, "UPDATE agent SET last_used = max(last_used, ?2) WHERE name = ?1", "si", e->agent,
                          e->at);
    if (err == NHI_OK)
        *folded = there == 0;
    return err;
}

static void read_row(sqlite3_stmt *st, struct nhi_event *e, enum nhi_err *err)
{
    const struct {
        char *to;
        size_t size;
    } texts[] = {
        { e->kind, sizeof(e->kind) },       { e->host, sizeof(e->host) },       { e->agent, sizeof(e->agent) },
        { e->owner, sizeof(e->owner) },     { e->task, sizeof(e->task) },       { e->jti, sizeof(e->jti) },
        { e->kid, sizeof(e->kid) },         { e->account, sizeof(e->account) }, { e->service, sizeof(e->service) },
        { e->source, sizeof(e->source) },   { e->from, sizeof(e->from) },       { e->decision, sizeof(e->decision) },
        { e->reason, sizeof(e->reason) },   { e->rule, sizeof(e->rule) },       { e->policy, sizeof(e->policy) },
        { e->proof, sizeof(e->proof) },     { e->record, sizeof(e->record) },   { e->within, sizeof(e->within) },
        { e->session, sizeof(e->session) }, { e->cause, sizeof(e->cause) },
    };
    const int count = sizeof(texts) / sizeof(texts[0]);

    e->seq = nhi_sql_int(st, 0, 1, INT64_MAX, err);
    e->at = nhi_sql_int(st, 1, INT64_MIN, INT64_MAX, err);
    for (int i = 0; i < count; i++)
        nhi_sql_text(st, 2 + i, texts[i].to, texts[i].size, err);
    e->detail = (const char *)sqlite3_column_text(st, 2 + count);
    if (*err == NHI_OK && (e->detail == NULL || strlen(e->detail) != (size_t)sqlite3_column_bytes(st, 2 + count)))
        *err = NHI_ERR_CORRUPT;
    nhi_sql_text(st, 3 + count, e->prev, sizeof(e->prev), err);
    nhi_sql_text(st, 4 + count, e->hash, sizeof(e->hash), err);
}

/* Takes ownership of st, prepared or not. */
static enum nhi_err each(struct nhi_ledger *l, enum nhi_err err, sqlite3_stmt *st,
                         int (*fn)(const struct nhi_event *, void *), void *ctx)
{
    struct nhi_event e;

    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        memset(&e, 0, sizeof(e));
        read_row(st, &e, &err);
        if (err == NHI_OK && fn(&e, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_event_each(struct nhi_ledger *l, int64_t after, int limit, int (*fn)(const struct nhi_event *, void *),
                            void *ctx)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT " EVENT_COLUMNS " FROM event WHERE seq > ? ORDER BY seq LIMIT ?", "ii", after,
                          (int64_t)limit);
    return each(l, err, st, fn, ctx);
}

/* A record was made before it became an event; any other event is as old as its number suggests. So nothing that is
 * wanted comes before the newest of those other events that is older than the moment. */
enum nhi_err nhi_event_each_recent(struct nhi_ledger *l, int64_t since, int (*fn)(const struct nhi_event *, void *),
                                   void *ctx)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT " EVENT_COLUMNS " FROM event WHERE seq > coalesce("
                          "(SELECT seq FROM event WHERE record IS NULL AND at < ?1"
                          " ORDER BY seq DESC LIMIT 1), 0) AND at >= ?1 AND (decision = 'deny'"
                          " OR kind IN ('denials', 'run', 'run-end', 'run-refused')"
                          " OR service IN ('cron', 'crond', 'atd')) ORDER BY seq DESC",
                          "i", since);
    return each(l, err, st, fn, ctx);
}

enum nhi_err nhi_event_each_of(struct nhi_ledger *l, const char *task, const char *agent,
                               int (*fn)(const struct nhi_event *, void *), void *ctx)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT " EVENT_COLUMNS " FROM event WHERE seq IN (SELECT seq FROM event WHERE task = ?1"
                          " UNION ALL SELECT seq FROM event WHERE agent = ?2"
                          " UNION ALL SELECT seq FROM event WHERE agent = '') ORDER BY seq",
                          "ss", task, agent);
    return each(l, err, st, fn, ctx);
}

/* Events are mostly asked for in the order of their numbers. A statement that goes on is several times as fast as one
 * that begins anew, so one goes forward, for as long as the next number is near. */
struct nhi_event_reader {
    struct nhi_ledger *l;
    sqlite3_stmt *forward, *by_record;
    int64_t at; /* number of the event on which forward is; 0: on none */
};

#define NEAR 16

enum nhi_err nhi_event_reader_open(struct nhi_ledger *l, struct nhi_event_reader **out)
{
    struct nhi_event_reader *r = calloc(1, sizeof(*r));
    enum nhi_err err = r != NULL ? NHI_OK : NHI_ERR_NOMEM;

    if (err == NHI_OK) {
        r->l = l;
        err = nhi_sql_prepare(l, &r->forward, "SELECT " EVENT_COLUMNS " FROM event WHERE seq >= ? ORDER BY seq", "");
    }
    if (err == NHI_OK)
        err = nhi_sql_prepare(l, &r->by_record, "SELECT at, origin, rule FROM event WHERE record = ?", "");
    if (err == NHI_OK)
        *out = r;
    else
        nhi_event_reader_close(r);
    return err;
}

static enum nhi_err go_to(struct nhi_event_reader *r, int64_t seq)
{
    enum nhi_err err = NHI_OK;

    if (r->at == 0 || seq < r->at || seq - r->at > NEAR) {
        (void)sqlite3_reset(r->forward);
        (void)sqlite3_bind_int64(r->forward, 1, seq);
        r->at = 0;
    }
    while (err == NHI_OK && r->at < seq) {
        err = nhi_sql_step(r->l, r->forward);
        r->at = err == NHI_OK ? sqlite3_column_int64(r->forward, 0) : 0;
    }
    return err == NHI_OK && r->at != seq ? NHI_ERR_NOT_FOUND : err;
}

enum nhi_err nhi_event_reader_get(struct nhi_event_reader *r, int64_t seq, struct nhi_event *e)
{
    enum nhi_err err = go_to(r, seq);

    if (err == NHI_OK)
        read_row(r->forward, e, &err);
    return err;
}

enum nhi_err nhi_event_reader_find(struct nhi_event_reader *r, const char *record, struct nhi_event *e)
{
    enum nhi_err err;

    (void)sqlite3_reset(r->by_record);
    (void)sqlite3_bind_text(r->by_record, 1, record, -1, SQLITE_TRANSIENT);
    err = nhi_sql_step(r->l, r->by_record);
    if (err == NHI_OK) {
        e->at = nhi_sql_int(r->by_record, 0, INT64_MIN, INT64_MAX, &err);
        nhi_sql_text(r->by_record, 1, e->from, sizeof(e->from), &err);
        nhi_sql_text(r->by_record, 2, e->rule, sizeof(e->rule), &err);
    }
    return err;
}

void nhi_event_reader_close(struct nhi_event_reader *r)
{
    if (r == NULL)
        return;
    sqlite3_finalize(r->forward);
    sqlite3_finalize(r->by_record);
    free(r);
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

    err =
        nhi_sql_prepare(l, &st, "SELECT denied, permitted, first, last FROM observed WHERE account = ?", "s", account);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK) {
        o.denied = nhi_sql_int(st, 0, 0, INT64_MAX, &err);
        o.permitted = nhi_sql_int(st, 1, 0, INT64_MAX, &err);
        o.first = nhi_sql_int(st, 2, 0, INT64_MAX, &err);
        o.last = nhi_sql_int(st, 3, 0, INT64_MAX, &err);
    }
    nhi_sql_done(l, st);
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return err;
    *out = o;
    return NHI_OK;
}
