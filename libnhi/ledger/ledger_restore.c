/* SPDX-License-Identifier: ISC */
/*
 * MUST: do all of it in the caller's one transaction, so that an interrupted restore leaves the ledger as it was. MUST:
 * bring nothing back to life: a state only moves forward, a number only up.
 */
#include "libnhi/ledger/ledger_restore.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/sql.h"

#define TICKET_COLUMNS \
    "jti, kid, agent, task, host, accounts, services, iat, nbf, exp, uses, cnf, parent, origin," \
    " recorded, grants, last_used, root, renews, successor, superseded, renew_until, no_pin, tree, ssh"
#define NOT_IN_COPY "'not in the restored backup'"
#define LOST "'the ledger was lost and restored'"

/* Parameters of each statement: ?1 now, ?2 the newest version of the policy. */
struct step {
    const char *sql;
    enum { ALWAYS, IF_LOSSY, IF_EVENTS_FROM_COPY, IF_EMPTY } when;
};

static const struct step steps[] = {
    /* Ends everything that is not in the copy, except this host's own keys. */
    { "UPDATE main.agent SET state = 2, held = held | 8, changed = ?1, reason = " NOT_IN_COPY
      " WHERE state = 1 AND name NOT IN (SELECT name FROM copy.agent)",
      ALWAYS },
    { "UPDATE main.task SET state = 2, closed = ?1, reason = " NOT_IN_COPY
      " WHERE state = 1 AND id NOT IN (SELECT id FROM copy.task)",
      ALWAYS },
    { "UPDATE main.issuer SET state = 3, changed = ?1, reason = " NOT_IN_COPY
      " WHERE state < 3 AND own = 0 AND kid NOT IN (SELECT kid FROM copy.issuer)",
      ALWAYS },
    /* For everything that is in both, takes the later state. A declaration that root starts daemons is kept. */
    { "UPDATE main.agent SET (state, held, revoked_until, last_used, owner, purpose, review_by, gecos, home,"
      " shell, file, file_review, certified, certified_by, because, daemons) = (SELECT max(c.state, agent.state),"
      " c.held | agent.held, max(c.revoked_until, agent.revoked_until), max(c.last_used, agent.last_used),"
      " c.owner, c.purpose, c.review_by, c.gecos, c.home, c.shell, c.file, c.file_review, c.certified,"
      " c.certified_by, c.because, max(c.daemons, agent.daemons) FROM copy.agent c WHERE c.name = agent.name)"
      " WHERE name IN (SELECT name FROM copy.agent) AND ?1",
      ALWAYS },
    { "UPDATE main.task SET (state, closed, reason) = (SELECT c.state, c.closed, c.reason FROM copy.task c"
      " WHERE c.id = task.id) WHERE state = 1 AND ?1 AND id IN (SELECT id FROM copy.task WHERE state = 2)",
      ALWAYS },
    { "UPDATE main.issuer SET state = (SELECT max(c.state, issuer.state) FROM copy.issuer c"
      " WHERE c.kid = issuer.kid) WHERE ?1 AND kid IN (SELECT kid FROM copy.issuer)",
      ALWAYS },
    /* Adds everything that is only in the copy. */
    { "INSERT OR IGNORE INTO main.owner SELECT * FROM copy.owner WHERE ?1", ALWAYS },
    { "INSERT INTO main.agent SELECT * FROM copy.agent"
      " WHERE ?1 AND name NOT IN (SELECT name FROM main.agent)",
      ALWAYS },
    { "DELETE FROM main.agent_group WHERE ?1 AND agent IN (SELECT name FROM copy.agent)", ALWAYS },
    { "INSERT INTO main.agent_group SELECT * FROM copy.agent_group WHERE ?1", ALWAYS },
    { "INSERT OR IGNORE INTO main.task SELECT * FROM copy.task WHERE ?1", ALWAYS },
    { "INSERT OR IGNORE INTO main.issuer SELECT * FROM copy.issuer WHERE ?1", ALWAYS },
    { "INSERT OR IGNORE INTO main.ticket (" TICKET_COLUMNS ") SELECT " TICKET_COLUMNS
      " FROM copy.ticket WHERE ?1 ORDER BY n",
      ALWAYS },
    { "INSERT OR IGNORE INTO main.ticket_account SELECT * FROM copy.ticket_account WHERE ?1", ALWAYS },
    { "INSERT OR IGNORE INTO main.bound_key SELECT * FROM copy.bound_key WHERE ?1", ALWAYS },
    { "INSERT OR IGNORE INTO main.revocation SELECT * FROM copy.revocation WHERE ?1", ALWAYS },
    { "INSERT OR IGNORE INTO main.session SELECT * FROM copy.session WHERE ?1", ALWAYS },
    { "INSERT OR IGNORE INTO main.observed SELECT * FROM copy.observed WHERE ?1", ALWAYS },
    /* An agent whose owner was off-boarded stays suspended. */
    { "UPDATE main.agent SET state = 2, held = held | 2, changed = ?1, reason = 'its owner is off-boarded'"
      " WHERE state = 1 AND owner IN (SELECT name FROM main.owner WHERE offboarded <> 0)",
      ALWAYS },
    /* Nobody knows which of them were ended after the copy was made. */
    { "UPDATE main.agent SET state = 2, held = held | 8, changed = ?1, reason = " LOST " WHERE state = 1", IF_LOSSY },
    { "UPDATE main.task SET state = 2, closed = ?1, reason = " LOST " WHERE state = 1", IF_LOSSY },
    { "UPDATE main.issuer SET state = 3, changed = ?1, reason = " LOST " WHERE state < 3 AND own = 0", IF_LOSSY },
    /* The trail, as it was hashed. */
    { "INSERT INTO main.event SELECT * FROM copy.event"
      " WHERE ?1 AND seq > (SELECT coalesce(max(seq), 0) FROM main.event) ORDER BY seq",
      IF_EVENTS_FROM_COPY },
    { "INSERT OR IGNORE INTO main.archived_record SELECT * FROM copy.archived_record WHERE ?1", IF_EVENTS_FROM_COPY },
    { "UPDATE main.setting SET (archived, archived_hash, archived_before, created) ="
      " (SELECT archived, archived_hash, archived_before, created FROM copy.setting) WHERE ?1",
      IF_EMPTY },
    /* The policy: versions are numbered after the existing ones. The copy's policy comes into force. */
    { "INSERT INTO main.policy SELECT version + ?2, hash, at FROM copy.policy WHERE ?1 AND (version ="
      " (SELECT policy FROM copy.setting) OR hash NOT IN (SELECT hash FROM main.policy))",
      ALWAYS },
    { "INSERT INTO main.rule SELECT version + ?2, name, zone, line FROM copy.rule"
      " WHERE ?1 AND version + ?2 IN (SELECT version FROM main.policy)",
      ALWAYS },
    { "INSERT INTO main.zone SELECT version + ?2, name, at, ahead FROM copy.zone"
      " WHERE ?1 AND version + ?2 IN (SELECT version FROM main.policy)",
      ALWAYS },
    { "DELETE FROM main.rule_index WHERE ?1", ALWAYS },
    { "INSERT INTO main.rule_index (version, pattern, agent, account, name, zone, line)"
      " SELECT version + ?2, pattern, agent, account, name, zone, line FROM copy.rule_index"
      " WHERE ?1 AND version = (SELECT policy FROM copy.setting)",
      ALWAYS },
    { "UPDATE main.setting SET (policy, line, next_uid, latest, epoch) = (SELECT iif(c.policy = 0, 0, c.policy + ?2),"
      " c.line, max(c.next_uid, setting.next_uid), max(c.latest, setting.latest), max(c.epoch, setting.epoch) FROM copy.setting c) WHERE ?1",
      ALWAYS },
};

static bool applies(const struct step *s, const struct nhi_restore *r)
{
    switch (s->when) {
    case IF_LOSSY:
        return r->lossy;
    case IF_EVENTS_FROM_COPY:
        return r->trails == NHI_TRAIL_EMPTY || r->trails == NHI_TRAIL_BEHIND;
    case IF_EMPTY:
        return r->trails == NHI_TRAIL_EMPTY;
    case ALWAYS:
        break;
    }
    return true;
}

/* Rows are numbered in order: all that exist now belong to the epoch that has ended. They are revoked, so that no list
 * shows them as live. */
static enum nhi_err begin_epoch(struct nhi_ledger *l, bool here, int64_t now)
{
    enum nhi_err err = nhi_sql_run(l, NULL,
                                   "INSERT OR IGNORE INTO revocation (kind, id, at, reason)"
                                   " SELECT 1, jti, ?1, 'a new epoch began' FROM ticket WHERE exp > ?1",
                                   "i", now);

    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL,
                          "UPDATE setting SET epoch = epoch + 1, epoch_at = max(?1, latest),"
                          " epoch_ticket = (SELECT coalesce(max(n), 0) FROM ticket)",
                          "i", now);

    return err == NHI_OK && here ? nhi_sql_tie(l) : err;
}

enum nhi_err nhi_restore_run(struct nhi_ledger *l, const struct nhi_restore *r, int64_t now)
{
    enum nhi_err err;
    int64_t versions;

    l->chained = false; /* events come from elsewhere */
    err = nhi_sql_number(l, &versions, "SELECT coalesce(max(version), 0) FROM main.policy", "");
    for (size_t i = 0; err == NHI_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
        if (applies(&steps[i], r))
            err = nhi_sql_run(l, NULL, steps[i].sql, strstr(steps[i].sql, "?2") != NULL ? "ii" : "i", now, versions);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL,
                          "UPDATE setting SET next_uid = max(next_uid, ?1), epoch = max(epoch, ?2),"
                          " latest = max(latest, ?3)",
                          "iii", (int64_t)r->next_uid, r->epoch, r->latest);
    return err == NHI_OK ? begin_epoch(l, !r->strange, now) : err;
}

enum nhi_err nhi_ledger_take_over(struct nhi_ledger *l, const char *host, int64_t now)
{
    enum nhi_err err;

    err = nhi_sql_run(l, NULL,
                      "UPDATE task SET state = 2, closed = ?, reason = 'the ledger was moved to another machine'"
                      " WHERE state = 1",
                      "i", now);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "UPDATE setting SET host = ?", "s", host);
    return err == NHI_OK ? begin_epoch(l, true, now) : err;
}

static enum nhi_err count(struct nhi_ledger *l, bool *any, const char *sql)
{
    int64_t n = 0;
    enum nhi_err err = nhi_sql_number(l, &n, sql, "");

    *any = n > 0;
    return err;
}

/* Whether the last event of one is in the other, or was the last one archived there. */
#define HEAD_IS_IN(of, in) \
    "SELECT (SELECT count(*) FROM " in ".event e JOIN (SELECT seq, hash FROM " of \
    ".event ORDER BY seq DESC LIMIT 1) h ON e.seq = h.seq AND e.hash = h.hash) +" \
    " (SELECT count(*) FROM " in ".setting s JOIN (SELECT seq, hash FROM " of \
    ".event ORDER BY seq DESC LIMIT 1) h ON s.archived = h.seq AND s.archived_hash = h.hash)"

/* The ledger is the same, made at the same moment, and the copy's last event is in one of its archives. Only the number
 * says so: a ledger that went on from an older copy has other events under these numbers. But then it lacks things that
 * the copy has, since nothing is deleted. */
#define HAS_ALL(what, table) \
    " AND NOT EXISTS (SELECT " what " FROM copy." table " EXCEPT SELECT " what " FROM main." table ")"
#define IS_ARCHIVED \
    "SELECT count(*) FROM main.setting s JOIN copy.setting c ON s.created = c.created" \
    " AND s.archived > (SELECT coalesce(max(seq), 0) FROM copy.event)" HAS_ALL("name", "agent") HAS_ALL("id", "task") \
        HAS_ALL("kid", "issuer") HAS_ALL("jti", "ticket")
/* The copy was restored before, and everything of which the ledger had no event was lost then. */
#define WAS_RESTORED \
    "SELECT count(*) FROM main.event e JOIN (SELECT hash FROM copy.event ORDER BY seq DESC LIMIT 1) h" \
    " ON instr(e.detail, h.hash) > 0 WHERE e.kind = 'restore'"

enum nhi_err nhi_restore_trails(struct nhi_ledger *l, enum nhi_trails *out)
{
    bool any = false, on = false, behind = false;
    enum nhi_err err;

    err = count(l, &any, "SELECT (SELECT count(*) FROM main.event) + (SELECT archived FROM main.setting)");
    if (err == NHI_OK)
        err = count(l, &on, HEAD_IS_IN("copy", "main"));
    if (err == NHI_OK && !on)
        err = count(l, &on, IS_ARCHIVED);
    if (err == NHI_OK && !on)
        err = count(l, &on, WAS_RESTORED);
    if (err == NHI_OK)
        err = count(l, &behind, HEAD_IS_IN("main", "copy"));
    if (err == NHI_OK)
        *out = !any ? NHI_TRAIL_EMPTY : on ? NHI_TRAIL_ON : behind ? NHI_TRAIL_BEHIND : NHI_TRAIL_DIVERGED;
    return err;
}

enum nhi_err nhi_restore_check(struct nhi_ledger *l)
{
    static const char *const conflicts[] = {
        "SELECT count(*) FROM main.agent a JOIN copy.agent c"
        " ON (a.name = c.name) <> (a.uid = c.uid)",
        "SELECT count(*) FROM main.issuer a JOIN copy.issuer c ON (a.kid = c.kid) <> (a.pk = c.pk)",
        "SELECT count(*) FROM main.setting a JOIN copy.setting c"
        " ON a.host <> c.host OR a.uid_min <> c.uid_min OR a.uid_max <> c.uid_max",
    };
    enum nhi_err err = NHI_OK;
    bool any = false;

    for (size_t i = 0; err == NHI_OK && i < sizeof(conflicts) / sizeof(conflicts[0]); i++) {
        err = count(l, &any, conflicts[i]);
        if (err == NHI_OK && any)
            err = NHI_ERR_EXISTS;
    }
    return err;
}
