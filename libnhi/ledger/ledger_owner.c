/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_owner.h"

#include <string.h>

#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/sql.h"

#define OWNER_COLUMNS \
    "n.name, ifnull(o.offboarded, 0), ifnull(o.reason, '')," \
    " (SELECT count(*) FROM agent a WHERE a.owner = n.name AND a.state = 1)," \
    " (SELECT count(*) FROM agent a WHERE a.owner = n.name AND a.state = 2)," \
    " (SELECT count(*) FROM agent a WHERE a.owner = n.name AND a.state = 3)," \
    " ifnull((SELECT min(a.review_by) FROM agent a WHERE a.owner = n.name AND a.state <> 3), 0)" \
    " FROM (SELECT owner AS name FROM agent UNION SELECT name FROM owner) n" \
    " LEFT JOIN owner o ON o.name = n.name"

enum nhi_err nhi_sql_owner_serves(struct nhi_ledger *l, const char *owner)
{
    int64_t since;
    enum nhi_err err = nhi_sql_number(l, &since, "SELECT offboarded FROM owner WHERE name = ?", "s", owner);

    if (err == NHI_ERR_NOT_FOUND)
        return NHI_OK;
    return err == NHI_OK ? NHI_ERR_STATE : err;
}

enum nhi_err nhi_owner_left(struct nhi_ledger *l, const char *name, int64_t *since, char reason[NHI_TEXT_MAX + 1])
{
    sqlite3_stmt *st = NULL;
    int64_t at = 0;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT offboarded, reason FROM owner WHERE name = ?", "s", name);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK) {
        at = nhi_sql_int(st, 0, 1, INT64_MAX, &err);
        nhi_sql_text(st, 1, reason, NHI_TEXT_MAX + 1, &err);
    }
    nhi_sql_done(l, st);
    if (err == NHI_OK || err == NHI_ERR_NOT_FOUND)
        *since = at;
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static int count_one(const struct nhi_ticket_row *row, void *ctx)
{
    int64_t *live = ctx;

    (void)row;
    (*live)++;
    return 0;
}

static enum nhi_err count_live(struct nhi_ledger *l, const char *owner, int64_t now, int64_t *live)
{
    char agent[NHI_AGENT_MAX + 1];
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT name FROM agent WHERE owner = ?", "s", owner);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        nhi_sql_text(st, 0, agent, sizeof(agent), &err);
        if (err == NHI_OK)
            err = nhi_ticket_each(l, &(struct nhi_ticket_filter){ .agent = agent, .live_at = now }, count_one, live);
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static enum nhi_err read_owner(struct nhi_ledger *l, sqlite3_stmt *st, int64_t now, struct nhi_owner *o)
{
    enum nhi_err err = NHI_OK;

    memset(o, 0, sizeof(*o));
    nhi_sql_text(st, 0, o->name, sizeof(o->name), &err);
    o->offboarded = nhi_sql_int(st, 1, 0, INT64_MAX, &err);
    nhi_sql_text(st, 2, o->reason, sizeof(o->reason), &err);
    o->active = nhi_sql_int(st, 3, 0, INT64_MAX, &err);
    o->suspended = nhi_sql_int(st, 4, 0, INT64_MAX, &err);
    o->retired = nhi_sql_int(st, 5, 0, INT64_MAX, &err);
    o->next_review = nhi_sql_int(st, 6, 0, INT64_MAX, &err);
    return err == NHI_OK ? count_live(l, o->name, now, &o->live_tickets) : err;
}

enum nhi_err nhi_owner_get(struct nhi_ledger *l, const char *name, int64_t now, struct nhi_owner *out)
{
    sqlite3_stmt *st = NULL;
    struct nhi_owner o;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT " OWNER_COLUMNS " WHERE n.name = ?", "s", name);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        err = read_owner(l, st, now, &o);
    nhi_sql_done(l, st);
    if (err == NHI_OK)
        *out = o;
    return err;
}

enum nhi_err nhi_owner_each(struct nhi_ledger *l, int64_t now, int (*fn)(const struct nhi_owner *, void *), void *ctx)
{
    sqlite3_stmt *st = NULL;
    struct nhi_owner o;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT " OWNER_COLUMNS " ORDER BY n.name", "");
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        err = read_owner(l, st, now, &o);
        if (err == NHI_OK && fn(&o, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_owner_offboard(struct nhi_ledger *l, const char *name, const char *reason, int64_t now)
{
    if (!nhi_name_is_text(name, NHI_OWNER_MAX))
        return NHI_ERR_ARG;
    return nhi_sql_run(l, NULL, "INSERT INTO owner VALUES (?,?,?) ON CONFLICT DO NOTHING", "sis", name, now,
                       reason != NULL ? reason : "");
}

enum nhi_err nhi_owner_return(struct nhi_ledger *l, const char *name)
{
    int64_t changed;
    enum nhi_err err;

    err = nhi_sql_run(l, &changed, "DELETE FROM owner WHERE name = ?", "s", name);
    return err == NHI_OK && changed == 0 ? NHI_ERR_STATE : err;
}

/* Requires that the agent is not retired and its owner not off-boarded. */
static enum nhi_err needs_both(struct nhi_ledger *l, const char *name, const char *owner)
{
    struct nhi_agent a;
    enum nhi_err err = nhi_agent_get(l, name, &a);

    if (err == NHI_OK && a.state == NHI_AGENT_RETIRED)
        err = NHI_ERR_STATE;
    return err == NHI_OK ? nhi_sql_owner_serves(l, owner != NULL ? owner : a.owner) : err;
}

enum nhi_err nhi_agent_transfer(struct nhi_ledger *l, const char *name, const char *owner)
{
    enum nhi_err err;

    if (!nhi_name_is_text(owner, NHI_OWNER_MAX))
        return NHI_ERR_ARG;
    err = needs_both(l, name, owner);
    if (err != NHI_OK)
        return err;
    return nhi_sql_run(l, NULL, "UPDATE agent SET owner = ?2 WHERE name = ?1", "ss", name, owner);
}

enum nhi_err nhi_agent_certify(struct nhi_ledger *l, const struct nhi_agent *a)
{
    enum nhi_err err;

    if (a->review_by <= a->certified || !nhi_name_is_text(a->certified_by, NHI_OWNER_MAX) ||
        !nhi_name_is_text(a->because, NHI_TEXT_MAX))
        return NHI_ERR_ARG;
    err = needs_both(l, a->account.name, NULL);
    if (err != NHI_OK)
        return err;
    return nhi_sql_run(l, NULL,
                       "UPDATE agent SET review_by = ?2, certified = ?3, certified_by = ?4,"
                       " because = ?5 WHERE name = ?1",
                       "siiss", a->account.name, a->review_by, a->certified, a->certified_by, a->because);
}
