/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_ticket.h"

#include <string.h>

#include "libnhi/ledger/claims_row.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/sql.h"

#define TICKET_COLUMNS \
    NHI_CLAIMS_COLUMNS \
    ", t.origin, t.recorded, t.grants, t.last_used, t.root, t.successor, t.superseded, t.renew_until, t.tree"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* Whether ticket t was ended before its time, by somebody or by a new epoch. Revocations of tickets and tasks are
 * looked up by key, and ancestors by their own keys: the number of revocations does not matter. A ticket without any is
 * not climbed from, which costs more than all the rest. */
#define GONE \
    "(CASE WHEN t.parent IS NULL AND t.root = t.jti" \
    "   THEN EXISTS (SELECT 1 FROM revocation r WHERE r.kind = 1 AND r.id = t.jti)" \
    "   ELSE EXISTS (WITH RECURSIVE up(jti) AS (SELECT t.jti UNION SELECT q.root FROM ticket q" \
    "   JOIN up ON q.jti = up.jti UNION SELECT p.parent FROM ticket p" \
    "   JOIN up ON p.jti = up.jti WHERE p.parent IS NOT NULL)" \
    "   SELECT 1 FROM up JOIN revocation r ON r.kind = 1 AND r.id = up.jti) END" \
    " OR EXISTS (SELECT 1 FROM revocation r WHERE r.kind = 2 AND r.id = t.task)" \
    " OR EXISTS (SELECT 1 FROM task k WHERE k.id = t.task AND k.state <> 1)" \
    " OR EXISTS (SELECT 1 FROM agent a WHERE a.name = t.agent AND a.revoked_until <> 0" \
    "   AND t.iat <= a.revoked_until + (SELECT CASE WHEN o.own THEN 0" \
    "     ELSE " TEXT(NHI_CLOCK_SKEW) " END FROM issuer o WHERE o.kid = t.kid))" \
                                      " OR NOT EXISTS (SELECT 1 FROM issuer i WHERE i.kid = " \
                                      "t.kid AND i.state <= 2)" \
                                      " OR t.n <= (SELECT epoch_ticket FROM setting))"
/* A suspended agent may be resumed. */
#define ENDED "(" GONE " OR NOT EXISTS (SELECT 1 FROM agent a WHERE a.name = t.agent AND a.state = 1))"
#define PAST_DEADLINE "EXISTS (SELECT 1 FROM task d WHERE d.id = t.task AND d.deadline <= ?1)"

static enum nhi_err index_accounts(struct nhi_ledger *l, const struct nhi_ticket *t)
{
    const char *at = t->accounts;
    char account[NHI_LIST_MAX + 1];
    enum nhi_err err = NHI_OK;

    while (err == NHI_OK && (at = nhi_list_next(at, account)) != NULL)
        err = nhi_sql_run(l, NULL, "INSERT INTO ticket_account VALUES (?,?,?)", "sis", account, t->exp, t->jti);
    return err;
}

enum nhi_err nhi_ticket_record(struct nhi_ledger *l, const struct nhi_ticket *t, enum nhi_origin origin, int64_t now)
{
    int64_t here = 0;
    enum nhi_err err;

    if (!nhi_name_is_jti(t->jti))
        return NHI_ERR_ARG;
    err = nhi_sql_number(l, &here, "SELECT host = ? FROM setting", "s", t->host);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL,
                          "INSERT INTO ticket (jti, kid, agent, task, host, accounts, services, iat, nbf, exp,"
                          " uses, parent, origin, recorded, ssh, root) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,"
                          "?11,?12,?13,?14,?15,?1)",
                          "sssssssiiiisiii", t->jti, t->kid, t->agent, t->task, t->host, t->accounts, t->services,
                          t->iat, t->nbf, t->exp, (int64_t)t->uses, t->parent[0] != '\0' ? t->parent : NULL,
                          (int64_t)origin, now, (int64_t)t->ssh);
    if (err == NHI_OK && t->has_cnf)
        err = nhi_sql_run(l, NULL, "UPDATE ticket SET cnf = ?2 WHERE jti = ?1", "sk", t->jti, t->cnf);
    if (err == NHI_OK && here == 1)
        err = index_accounts(l, t);
    return err;
}

static enum nhi_err read_ticket(sqlite3_stmt *st, struct nhi_ticket_row *r)
{
    enum nhi_err err = NHI_OK;
    int at = NHI_CLAIMS_END;

    memset(r, 0, sizeof(*r));
    nhi_sql_claims(st, &r->ticket, &err);
    r->origin = (enum nhi_origin)nhi_sql_int(st, at++, NHI_ORIGIN_ISSUED, NHI_ORIGIN_IMPORTED, &err);
    r->recorded = nhi_sql_int(st, at++, 0, INT64_MAX, &err);
    r->grants = (uint32_t)nhi_sql_int(st, at++, 0, UINT32_MAX, &err);
    r->last_used = nhi_sql_int(st, at++, 0, INT64_MAX, &err);
    nhi_sql_text(st, at++, r->root, sizeof(r->root), &err);
    nhi_sql_text(st, at++, r->successor, sizeof(r->successor), &err);
    r->superseded = nhi_sql_int(st, at++, 0, 1, &err) == 1;
    r->renew_until = nhi_sql_int(st, at++, 0, INT64_MAX, &err);
    nhi_sql_text(st, at++, r->tree, sizeof(r->tree), &err);
    r->revoked = nhi_sql_int(st, at++, 0, 1, &err) == 1;
    nhi_sql_text(st, at, r->reason, sizeof(r->reason), &err);
    return err;
}

#define TICKET_ROW \
    TICKET_COLUMNS \
    ", " ENDED ", coalesce((SELECT r.reason FROM revocation r WHERE (r.kind = 1 AND r.id = t.jti)" \
    "   OR (r.kind = 2 AND r.id = t.task) ORDER BY r.kind LIMIT 1)," \
    "   (SELECT k.reason FROM task k WHERE k.id = t.task), '')"

enum nhi_err nhi_ticket_get(struct nhi_ledger *l, const char *jti, struct nhi_ticket_row *out)
{
    struct nhi_ticket_row r;
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT " TICKET_ROW " FROM ticket t WHERE t.jti = ?", "s", jti);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        err = read_ticket(st, &r);
    nhi_sql_done(l, st);
    if (err == NHI_OK)
        *out = r;
    return err;
}

/* A text for each filter, so that each finds its tickets by an index. */
#define EACH(of) "SELECT " TICKET_ROW " FROM ticket t WHERE " of " ORDER BY t.n DESC"
#define EACH_LIVE(of) EACH(of " AND t.exp > ?1 AND t.superseded = 0 AND NOT " ENDED " AND NOT " PAST_DEADLINE)
static const char *each_sql(const struct nhi_ticket_filter *of)
{
    if (of->task != NULL)
        return of->live_at != 0 ? EACH_LIVE("t.task = ?3 AND (?2 IS NULL OR t.agent = ?2)")
                                : EACH("t.task = ?3 AND (?2 IS NULL OR t.agent = ?2) AND ?1 = 0");
    if (of->agent != NULL)
        return of->live_at != 0 ? EACH_LIVE("t.agent = ?2 AND ?3 IS NULL") : EACH("t.agent = ?2 AND ?3 IS NULL");
    return of->live_at != 0 ? EACH_LIVE("?2 IS NULL AND ?3 IS NULL") : EACH("?2 IS NULL AND ?3 IS NULL");
}

enum nhi_err nhi_ticket_each(struct nhi_ledger *l, const struct nhi_ticket_filter *of,
                             int (*fn)(const struct nhi_ticket_row *, void *), void *ctx)
{
    struct nhi_ticket_row r;
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, each_sql(of), "iss", of->live_at, of->agent, of->task);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        err = read_ticket(st, &r);
        if (err == NHI_OK && fn(&r, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_ticket_each_after(struct nhi_ledger *l, const struct nhi_ticket_after *of,
                                   int (*fn)(const char *jti, void *), void *ctx)
{
    char jti[NHI_JTI_LEN + 1];
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT jti FROM ticket WHERE agent = ? AND exp > ? AND iat > ?", "sii", of->agent,
                          of->ends, of->issued);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        nhi_sql_text(st, 0, jti, sizeof(jti), &err);
        if (err == NHI_OK && fn(jti, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_ticket_count_live(struct nhi_ledger *l, int64_t now, int64_t *out)
{
    return nhi_sql_number(l, out,
                          "SELECT count(*) FROM ticket t WHERE t.exp > ?1 AND t.superseded = 0 AND NOT " ENDED
                          " AND NOT " PAST_DEADLINE,
                          "i", now);
}

enum nhi_err nhi_ticket_holding_key(struct nhi_ledger *l, const struct nhi_ticket *t, const char *account,
                                    const char *service, int64_t now, char jti[NHI_JTI_LEN + 1])
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT t.jti FROM ticket t WHERE t.cnf = ?4 AND t.exp > ?1"
                          " AND t.successor IS NULL AND NOT " GONE " AND NOT " PAST_DEADLINE
                          " AND instr(' '||t.accounts||' ', ' '||?2||' ') > 0"
                          " AND instr(' '||t.services||' ', ' '||?3||' ') > 0 AND t.host = ?5"
                          " ORDER BY t.n DESC LIMIT 1",
                          "issks", now, account, service, t->cnf, t->host);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        nhi_sql_text(st, 0, jti, NHI_JTI_LEN + 1, &err);
    nhi_sql_done(l, st);
    return err;
}

enum nhi_err nhi_key_note_bound(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN], const char *account)
{
    return nhi_sql_run(l, NULL, "INSERT OR IGNORE INTO bound_key VALUES (?,?)", "ks", key, account);
}

/* Tickets that a revocation of ?2 could end: those for which GONE looks ?2 up. */
#define OF_TICKET \
    "t.jti IN (WITH RECURSIVE down(jti) AS (SELECT ?2 UNION SELECT root FROM ticket WHERE jti = ?2" \
    " UNION SELECT r.jti FROM ticket r JOIN down ON r.root = down.jti" \
    " UNION SELECT c.jti FROM ticket c JOIN down ON c.parent = down.jti) SELECT jti FROM down)"
#define HERE "(SELECT host FROM setting)"
#define LIVE(of) \
    "SELECT count(*) FROM ticket t WHERE t.exp > ?1 AND t.superseded = 0 AND t.host = " HERE " AND " of \
    " AND NOT " ENDED " AND NOT " PAST_DEADLINE

/* What is known of a ticket that is to be revoked. alone: no other ticket descends from it, nor is of its lineage, so
 * that it is the only one that its revocation ends. */
struct target {
    bool known, alone, live, elsewhere;
};

#define HAS_OTHERS \
    "SELECT EXISTS (SELECT 1 FROM ticket WHERE parent = ?1) OR EXISTS (SELECT 1 FROM ticket WHERE root = ?1 AND jti <> ?1)"

static enum nhi_err look_at(struct nhi_ledger *l, const char *jti, int64_t now, struct target *out)
{
    sqlite3_stmt *st = NULL;
    int64_t others = 0;
    enum nhi_err err;

    *out = (struct target){ .alone = true };
    err =
        nhi_sql_prepare(l, &st,
                        "SELECT t.root = t.jti, t.exp > ?1 AND t.superseded = 0 AND t.host = " HERE " AND NOT " ENDED
                        " AND NOT " PAST_DEADLINE ", t.exp > ?1 AND t.host <> " HERE " FROM ticket t WHERE t.jti = ?2",
                        "is", now, jti);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    out->known = err == NHI_OK;
    if (err == NHI_OK) {
        out->alone = nhi_sql_int(st, 0, 0, 1, &err) == 1;
        out->live = nhi_sql_int(st, 1, 0, 1, &err) == 1;
        out->elsewhere = nhi_sql_int(st, 2, 0, 1, &err) == 1;
    }
    nhi_sql_done(l, st);
    if (err == NHI_ERR_NOT_FOUND)
        err = NHI_OK;
    if (err == NHI_OK && out->alone)
        err = nhi_sql_number(l, &others, HAS_OTHERS, "s", jti);
    out->alone = out->alone && others == 0;
    return err;
}

/* How many of them could still open something here. Tickets for other hosts do not matter, however many exist. */
static enum nhi_err live_count(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id, int64_t now,
                               int64_t *out)
{
    static const char *const sql[] = {
        [NHI_REVOKE_TICKET] = LIVE(OF_TICKET),
        [NHI_REVOKE_TASK] = LIVE("t.task = ?2"),
        [NHI_REVOKE_AGENT] = LIVE("t.agent = ?2"),
        [NHI_REVOKE_ISSUER] = LIVE("t.kid = ?2"),
    };

    return nhi_sql_number(l, out, sql[kind], "is", now, id);
}

static enum nhi_err note_revoked(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id, const char *reason,
                                 int64_t now)
{
    return nhi_sql_run(l, NULL, "INSERT OR IGNORE INTO revocation VALUES (?,?,?,?)", "isis", (int64_t)kind, id, now,
                       reason != NULL ? reason : "");
}

static enum nhi_err revoke_one(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id, const char *reason,
                               int64_t now)
{
    enum nhi_err err;
    int64_t changed;

    switch (kind) {
    case NHI_REVOKE_TICKET:
        if (!nhi_name_is_jti(id))
            return NHI_ERR_ARG;
        /* And with it the whole lineage: tickets before and after it. */
        err = nhi_sql_run(l, NULL,
                          "INSERT OR IGNORE INTO revocation SELECT ?1, root, ?3, ?4 FROM ticket"
                          " WHERE jti = ?2",
                          "isis", (int64_t)kind, id, now, reason != NULL ? reason : "");
        if (err != NHI_OK)
            return err;
        break;
    case NHI_REVOKE_TASK:
        if (!nhi_name_is_task(id))
            return NHI_ERR_ARG;
        err = nhi_task_close(l, id, reason, now);
        if (err != NHI_OK && err != NHI_ERR_NOT_FOUND && err != NHI_ERR_STATE)
            return err;
        break;
    case NHI_REVOKE_AGENT:
        err = nhi_sql_run(l, &changed, "UPDATE agent SET revoked_until = max(revoked_until, ?2) WHERE name = ?1", "si",
                          id, now);
        return err == NHI_OK && changed == 0 ? NHI_ERR_NOT_FOUND : err;
    case NHI_REVOKE_ISSUER:
        return nhi_issuer_set_state(l, id, NHI_ISSUER_REVOKED, reason, now);
    }
    return note_revoked(l, kind, id, reason, now);
}

const char *nhi_revoke_kind_name(enum nhi_revoke_kind kind)
{
    switch (kind) {
    case NHI_REVOKE_TICKET:
        return "ticket";
    case NHI_REVOKE_TASK:
        return "task";
    case NHI_REVOKE_AGENT:
        return "agent";
    case NHI_REVOKE_ISSUER:
        return "issuer";
    }
    return "thing";
}

#define ANY_FOR_OTHERS(of) "SELECT EXISTS (SELECT 1 FROM ticket t WHERE t.exp > ?1 AND t.host <> " HERE " AND " of ")"

/* Of several tickets. */
static enum nhi_err revoke_all(struct nhi_ledger *l, const struct nhi_revoking *what, struct nhi_revoked *out)
{
    static const char *const sql[] = {
        [NHI_REVOKE_TICKET] = ANY_FOR_OTHERS(OF_TICKET),
        [NHI_REVOKE_TASK] = ANY_FOR_OTHERS("t.task = ?2"),
        [NHI_REVOKE_AGENT] = ANY_FOR_OTHERS("t.agent = ?2"),
        [NHI_REVOKE_ISSUER] = ANY_FOR_OTHERS("t.kid = ?2"),
    };
    int64_t before = 0, after = 0, elsewhere = 0;
    enum nhi_err err;

    err = nhi_sql_number(l, &elsewhere, sql[what->kind], "is", what->now, what->id);
    if (err == NHI_OK)
        err = live_count(l, what->kind, what->id, what->now, &before);
    if (err == NHI_OK)
        err = revoke_one(l, what->kind, what->id, what->reason, what->now);
    /* What was not live is not now either. */
    if (err == NHI_OK && before != 0)
        err = live_count(l, what->kind, what->id, what->now, &after);
    out->live = (uint32_t)(before - after);
    out->elsewhere = elsewhere != 0;
    return err;
}

enum nhi_err nhi_revoke_known(struct nhi_ledger *l, const struct nhi_revoking *what, struct nhi_revoked *out)
{
    struct nhi_revoked r = { .known = true };
    struct target t = { .alone = false };
    struct nhi_task task;
    enum nhi_err err = NHI_OK;

    if (what->kind == NHI_REVOKE_TICKET) {
        err = nhi_name_is_jti(what->id) ? look_at(l, what->id, what->now, &t) : NHI_ERR_ARG;
        r = (struct nhi_revoked){ .live = t.live, .known = t.known, .elsewhere = t.elsewhere };
    } else if (what->kind == NHI_REVOKE_TASK) {
        r.known = nhi_task_get(l, what->id, &task) != NHI_ERR_NOT_FOUND;
    }
    if (err == NHI_OK)
        err = t.alone ? note_revoked(l, what->kind, what->id, what->reason, what->now) : revoke_all(l, what, &r);
    if (err == NHI_OK)
        *out = r;
    return err;
}

enum nhi_err nhi_revoke(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id, const char *reason,
                        int64_t now, uint32_t *live)
{
    struct nhi_revoked r;
    enum nhi_err err = nhi_revoke_known(l, &(const struct nhi_revoking){ kind, id, reason, now }, &r);

    if (err == NHI_OK && live != NULL)
        *live = r.live;
    return err;
}

#define FOR_OTHERS(of) \
    "SELECT " TICKET_ROW " FROM ticket t WHERE t.exp > ?1 AND t.host <> " HERE " AND " of " ORDER BY t.host, t.n"

enum nhi_err nhi_ticket_each_for_others(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id, int64_t now,
                                        int (*fn)(const struct nhi_ticket_row *, void *), void *ctx)
{
    static const char *const sql[] = {
        [NHI_REVOKE_TICKET] = FOR_OTHERS(OF_TICKET),
        [NHI_REVOKE_TASK] = FOR_OTHERS("t.task = ?2"),
        [NHI_REVOKE_AGENT] = FOR_OTHERS("t.agent = ?2"),
        [NHI_REVOKE_ISSUER] = FOR_OTHERS("t.kid = ?2"),
    };
    struct nhi_ticket_row r;
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, sql[kind], "is", now, id);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        err = read_ticket(st, &r);
        if (err == NHI_OK && fn(&r, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}
