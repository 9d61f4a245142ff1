/* SPDX-License-Identifier: ISC */
/*
 * Sessions in the ledger: when each began, and when it ended. The processes inside are not recorded here.
 */
#include "libnhi/ledger/ledger_session.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/grant/grant.h"
#include "libnhi/ledger/grant_event.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/session/session_end.h"

enum nhi_err nhi_session_note(struct nhi_ledger *l, const struct nhi_grant *g, const char *handle)
{
    return nhi_sql_run(l, NULL,
                       "INSERT INTO session (id, handle, boot, agent, task, jti, service, account,"
                       " began) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING",
                       "ssssssssi", g->id, handle, g->boot, g->ticket.agent, g->ticket.task, g->ticket.jti, g->service,
                       g->subject, g->at);
}

/* The ledger knows less about a session of another boot than its handle did. */
static void describe(struct nhi_ledger *l, const struct nhi_session_end *end, struct nhi_event *e)
{
    const struct nhi_grant *g = &end->g;
    struct nhi_ticket_row row;

    nhi_grant_event(g, e);
    snprintf(e->kind, sizeof(e->kind), "session-end");
    snprintf(e->session, sizeof(e->session), "%s", end->handle);
    memcpy(e->within, e->record, sizeof(e->within));
    e->record[0] = e->owner[0] = e->decision[0] = e->proof[0] = '\0';
    if (g->source == 0)
        e->source[0] = e->from[0] = '\0';
    snprintf(e->reason, sizeof(e->reason), "%s", end->reason);
    if (nhi_ticket_get(l, g->ticket.jti, &row) == NHI_OK && row.revoked)
        memcpy(e->cause, row.reason, sizeof(e->cause));
}

static enum nhi_err add_end(struct nhi_ledger *l, const struct nhi_session_end *end)
{
    char began[NHI_TIME_LEN + 1], detail[64];
    struct nhi_event e;
    enum nhi_err err;

    err = nhi_time_format(end->g.at, began);
    if (err != NHI_OK)
        return err;
    describe(l, end, &e);
    snprintf(detail, sizeof(detail), "{\"began\":\"%s\"}", began);
    e.at = end->at;
    e.detail = detail;
    return nhi_event_add(l, &e);
}

enum nhi_err nhi_session_record_end(struct nhi_ledger *l, const struct nhi_session_end *end, bool *told)
{
    const struct nhi_grant *g = &end->g;
    int64_t changed = 0;
    enum nhi_err err;

    err = nhi_session_note(l, g, end->handle);
    if (err == NHI_OK)
        err = nhi_sql_run(l, &changed, "UPDATE session SET ended = ?2, reason = ?3 WHERE id = ?1 AND ended = 0", "sis",
                          g->id, end->at, end->reason);
    if (err == NHI_OK && changed == 1)
        err = nhi_sql_run(l, NULL, "UPDATE task SET used = max(used, ?2) WHERE id = ?1", "si", g->ticket.task, end->at);
    if (err == NHI_OK && changed == 1)
        err = add_end(l, end);
    if (err == NHI_OK)
        *told = changed == 1;
    return err;
}

enum nhi_err nhi_session_was(struct nhi_ledger *l, const char *handle)
{
    int64_t one;

    return nhi_sql_number(l, &one, "SELECT 1 FROM session WHERE handle = ? LIMIT 1", "s", handle);
}

enum nhi_err nhi_session_each_open(struct nhi_ledger *l, const char *task,
                                   int (*fn)(const char *handle, const struct nhi_grant *, void *), void *ctx)
{
    char handle[NHI_TREE_MAX + 1];
    sqlite3_stmt *st = NULL;
    struct nhi_grant g;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT id, handle, boot, agent, task, jti, service, account, began"
                          " FROM session WHERE ended = 0 AND (?1 IS NULL OR task = ?1)",
                          "s", task);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        memset(&g, 0, sizeof(g));
        nhi_sql_text(st, 0, g.id, sizeof(g.id), &err);
        nhi_sql_text(st, 1, handle, sizeof(handle), &err);
        nhi_sql_text(st, 2, g.boot, sizeof(g.boot), &err);
        nhi_sql_text(st, 3, g.ticket.agent, sizeof(g.ticket.agent), &err);
        nhi_sql_text(st, 4, g.ticket.task, sizeof(g.ticket.task), &err);
        nhi_sql_text(st, 5, g.ticket.jti, sizeof(g.ticket.jti), &err);
        nhi_sql_text(st, 6, g.service, sizeof(g.service), &err);
        nhi_sql_text(st, 7, g.subject, sizeof(g.subject), &err);
        g.at = nhi_sql_int(st, 8, 0, INT64_MAX, &err);
        if (err == NHI_OK && fn(handle, &g, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}
