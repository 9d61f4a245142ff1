/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_task.h"

#include <string.h>

#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/sql.h"

#define TASK_COLUMNS "id, agent, state, opened, deadline, closed, reason, idle, used"

enum nhi_err nhi_task_open(struct nhi_ledger *l, const struct nhi_task *t, int64_t now)
{
    enum nhi_err err;
    int64_t gone;

    if (!nhi_name_is_task(t->id) || !nhi_name_is_agent(t->agent) || t->deadline <= now || t->idle < 0)
        return NHI_ERR_ARG;
    /* A task that was revoked before this host knew it stays closed. */
    err = nhi_sql_number(l, &gone, "SELECT at FROM revocation WHERE kind = ? AND id = ?", "is",
                         (int64_t)NHI_REVOKE_TASK, t->id);
    if (err == NHI_OK)
        return NHI_ERR_EXISTS;
    if (err != NHI_ERR_NOT_FOUND)
        return err;
    return nhi_sql_run(l, NULL,
                       "INSERT INTO task (id, agent, state, opened, deadline, idle)"
                       " VALUES (?,?,1,?,?,?)",
                       "ssiii", t->id, t->agent, now, t->deadline, t->idle);
}

static enum nhi_err read_task(sqlite3_stmt *st, struct nhi_task *t)
{
    enum nhi_err err = NHI_OK;

    memset(t, 0, sizeof(*t));
    nhi_sql_text(st, 0, t->id, sizeof(t->id), &err);
    nhi_sql_text(st, 1, t->agent, sizeof(t->agent), &err);
    t->state = (enum nhi_task_state)nhi_sql_int(st, 2, NHI_TASK_OPEN, NHI_TASK_CLOSED, &err);
    t->opened = nhi_sql_int(st, 3, 0, INT64_MAX, &err);
    t->deadline = nhi_sql_int(st, 4, 0, INT64_MAX, &err);
    t->closed = nhi_sql_int(st, 5, 0, INT64_MAX, &err);
    nhi_sql_text(st, 6, t->reason, sizeof(t->reason), &err);
    t->idle = nhi_sql_int(st, 7, 0, INT64_MAX, &err);
    t->used = nhi_sql_int(st, 8, 0, INT64_MAX, &err);
    return err;
}

enum nhi_err nhi_task_get(struct nhi_ledger *l, const char *id, struct nhi_task *out)
{
    sqlite3_stmt *st = NULL;
    struct nhi_task t;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT " TASK_COLUMNS " FROM task WHERE id = ?", "s", id);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        err = read_task(st, &t);
    nhi_sql_done(l, st);
    if (err == NHI_OK)
        *out = t;
    return err;
}

enum nhi_err nhi_task_close(struct nhi_ledger *l, const char *id, const char *reason, int64_t now)
{
    struct nhi_task t;
    enum nhi_err err;

    err = nhi_task_get(l, id, &t);
    if (err != NHI_OK)
        return err;
    if (t.state == NHI_TASK_CLOSED)
        return NHI_ERR_STATE;
    return nhi_sql_run(l, NULL, "UPDATE task SET state = 2, closed = ?2, reason = ?3 WHERE id = ?1", "sis", id, now,
                       reason != NULL ? reason : "");
}

enum nhi_err nhi_task_each(struct nhi_ledger *l, const char *agent, int (*fn)(const struct nhi_task *, void *),
                           void *ctx)
{
    sqlite3_stmt *st = NULL;
    struct nhi_task t;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          agent == NULL ? "SELECT " TASK_COLUMNS " FROM task WHERE ?1 IS NULL ORDER BY opened, id"
                                        : "SELECT " TASK_COLUMNS " FROM task WHERE agent = ?1 ORDER BY opened, id",
                          "s", agent);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        err = read_task(st, &t);
        if (err == NHI_OK && fn(&t, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_task_open_of(struct nhi_ledger *l, const char *agent, int64_t now, char id[NHI_TASK_MAX + 1])
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT id FROM task WHERE agent = ? AND state = 1 AND deadline > ?"
                          " ORDER BY opened DESC, id DESC LIMIT 1",
                          "si", agent, now);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        nhi_sql_text(st, 0, id, NHI_TASK_MAX + 1, &err);
    nhi_sql_done(l, st);
    return err;
}

/* When a task without a session ends, as nhi_task_end has it; one with a session may end later. An index has this. */
#define DUE "CASE WHEN idle > 0 THEN min(deadline, max(opened, used) + idle) ELSE deadline END"

/* Those past their deadline are few, since the next command closes them. */
enum nhi_err nhi_task_count_open(struct nhi_ledger *l, int64_t now, int64_t *out)
{
    return nhi_sql_number(l, out,
                          "SELECT (SELECT count(*) FROM task WHERE state = 1) -"
                          " (SELECT count(*) FROM task WHERE state = 1 AND " DUE " <= ?1 AND deadline <= ?1)",
                          "i", now);
}

int64_t nhi_task_end(const struct nhi_task *t, bool in_session, const char **why)
{
    int64_t since = t->used > t->opened ? t->used : t->opened;

    *why = NHI_TASK_DEADLINE;
    if (t->idle == 0 || in_session || since >= t->deadline - t->idle)
        return t->deadline;
    *why = NHI_TASK_IDLE;
    return since + t->idle;
}

/* The open tasks that may end until then, first ends first. */
static enum nhi_err prepare_ends(struct nhi_ledger *l, int64_t until, sqlite3_stmt **st)
{
    return nhi_sql_prepare(l, st,
                           "SELECT " TASK_COLUMNS ", EXISTS (SELECT 1 FROM session s"
                           " WHERE s.task = task.id AND s.ended = 0), " DUE " FROM task WHERE state = 1 AND " DUE
                           " <= ? ORDER BY " DUE,
                           "i", until);
}

struct end {
    struct nhi_task t;
    int64_t at, due; /* due: it does not end before this, nor does any that follows */
    const char *why;
};

static enum nhi_err next_end(struct nhi_ledger *l, sqlite3_stmt *st, struct end *e)
{
    enum nhi_err err = nhi_sql_step(l, st);
    bool in_session;

    if (err != NHI_OK)
        return err;
    err = read_task(st, &e->t);
    in_session = nhi_sql_int(st, 9, 0, 1, &err) == 1;
    e->due = nhi_sql_int(st, 10, 0, INT64_MAX, &err);
    e->at = nhi_task_end(&e->t, in_session, &e->why);
    return err;
}

enum nhi_err nhi_task_each_end(struct nhi_ledger *l, int64_t until,
                               int (*fn)(const struct nhi_task *, int64_t at, const char *why, void *), void *ctx)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err = prepare_ends(l, until, &st);
    struct end e;

    while (err == NHI_OK && (err = next_end(l, st, &e)) == NHI_OK)
        if (e.at <= until && fn(&e.t, e.at, e.why, ctx) != 0)
            break;
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_task_first_end(struct nhi_ledger *l, int64_t *at)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err = prepare_ends(l, INT64_MAX, &st);
    int64_t first = INT64_MAX;
    struct end e;

    while (err == NHI_OK && (err = next_end(l, st, &e)) == NHI_OK && e.due < first)
        first = e.at < first ? e.at : first;
    nhi_sql_done(l, st);
    if (err == NHI_OK || err == NHI_ERR_NOT_FOUND)
        *at = first;
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}
