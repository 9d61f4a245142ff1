#include "libnhi/ledger/schema.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/grant/grant.h"
#include "libnhi/grant/grant_record.h"
#include "libnhi/ledger/grant_event.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_tie.h"

/* "nhi" and a zero byte, so that file(1) and a lost administrator can tell what this is. */
#define APPLICATION_ID 0x6e686900

/*
 * Nothing that was ever used is deleted: names, uids, task IDs, ticket IDs and key names are keys
 * here, and a key that exists cannot be given again.
 */
static const char schema_identities[] =
    "CREATE TABLE setting ("
    "  host TEXT NOT NULL, uid_min INTEGER NOT NULL, uid_max INTEGER NOT NULL,"
    "  next_uid INTEGER NOT NULL, latest INTEGER NOT NULL, created INTEGER NOT NULL,"
    "  pin_records INTEGER NOT NULL DEFAULT 0, max_lifetime INTEGER NOT NULL DEFAULT 0,"
    "  policy INTEGER NOT NULL DEFAULT 0, grace INTEGER NOT NULL DEFAULT 5,"
    "  unsupervised INTEGER NOT NULL DEFAULT 0,"
    "  one INTEGER PRIMARY KEY CHECK (one = 1)) STRICT;"
    "CREATE TABLE agent ("
    "  name TEXT PRIMARY KEY, uid INTEGER NOT NULL UNIQUE, owner TEXT NOT NULL,"
    "  purpose TEXT NOT NULL, review_by INTEGER NOT NULL, gecos TEXT NOT NULL,"
    "  home TEXT NOT NULL, shell TEXT NOT NULL, state INTEGER NOT NULL,"
    "  created INTEGER NOT NULL, changed INTEGER NOT NULL, reason TEXT NOT NULL,"
    "  revoked_until INTEGER NOT NULL DEFAULT 0, last_used INTEGER NOT NULL DEFAULT 0"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE agent_group ("
    "  agent TEXT NOT NULL REFERENCES agent, place INTEGER NOT NULL, gid INTEGER NOT NULL,"
    "  name TEXT NOT NULL, PRIMARY KEY (agent, place)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE task ("
    "  id TEXT PRIMARY KEY, agent TEXT NOT NULL REFERENCES agent, state INTEGER NOT NULL,"
    "  opened INTEGER NOT NULL, deadline INTEGER NOT NULL, closed INTEGER NOT NULL DEFAULT 0,"
    "  reason TEXT NOT NULL DEFAULT '', tree TEXT) STRICT, WITHOUT ROWID;"
    "CREATE INDEX task_by_tree ON task (state) WHERE tree IS NOT NULL;"
    "CREATE INDEX task_by_agent ON task (agent, opened);"
    "CREATE TABLE issuer ("
    "  kid TEXT PRIMARY KEY, pk BLOB NOT NULL UNIQUE, state INTEGER NOT NULL,"
    "  own INTEGER NOT NULL, opens_tasks INTEGER NOT NULL, agents TEXT NOT NULL,"
    "  accounts TEXT NOT NULL, services TEXT NOT NULL, max_ttl INTEGER NOT NULL,"
    "  added INTEGER NOT NULL, changed INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT ''"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE ticket ("
    "  n INTEGER PRIMARY KEY, jti TEXT NOT NULL UNIQUE, kid TEXT NOT NULL REFERENCES issuer,"
    "  agent TEXT NOT NULL, task TEXT NOT NULL, host TEXT NOT NULL, accounts TEXT NOT NULL,"
    "  services TEXT NOT NULL, iat INTEGER NOT NULL, nbf INTEGER NOT NULL, exp INTEGER NOT NULL,"
    "  uses INTEGER NOT NULL, cnf BLOB, parent TEXT, origin INTEGER NOT NULL,"
    "  recorded INTEGER NOT NULL, grants INTEGER NOT NULL DEFAULT 0,"
    "  last_used INTEGER NOT NULL DEFAULT 0, root TEXT NOT NULL, renews TEXT, successor TEXT,"
    "  superseded INTEGER NOT NULL DEFAULT 0, renew_until INTEGER NOT NULL DEFAULT 0,"
    "  no_pin INTEGER NOT NULL DEFAULT 0, tree TEXT,"
    "  ssh INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX ticket_by_root ON ticket (root);"
    "CREATE INDEX ticket_by_tree ON ticket (tree, exp) WHERE tree IS NOT NULL;"
    "CREATE INDEX ticket_by_agent ON ticket (agent, exp);"
    "CREATE INDEX ticket_by_task ON ticket (task, exp);"
    "CREATE INDEX ticket_by_exp ON ticket (exp);"
    "CREATE INDEX ticket_by_key ON ticket (cnf, exp) WHERE cnf IS NOT NULL;"
    "CREATE TABLE ticket_account ("
    "  account TEXT NOT NULL, exp INTEGER NOT NULL, jti TEXT NOT NULL,"
    "  PRIMARY KEY (account, exp, jti)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE bound_key ("
    "  cnf BLOB NOT NULL, account TEXT NOT NULL, PRIMARY KEY (cnf, account)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX bound_key_by_account ON bound_key (account);"
    "CREATE TABLE revocation ("
    "  kind INTEGER NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL,"
    "  PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;";
static const char schema_policy[] =
    "CREATE TABLE policy ("
    "  version INTEGER PRIMARY KEY, hash TEXT NOT NULL, at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX policy_by_hash ON policy (hash);"
    "CREATE TABLE rule ("
    "  version INTEGER NOT NULL REFERENCES policy, name TEXT NOT NULL, forbid INTEGER NOT NULL,"
    "  agents TEXT NOT NULL, owners TEXT NOT NULL, tasks TEXT NOT NULL, accounts TEXT NOT NULL,"
    "  services TEXT NOT NULL, source TEXT NOT NULL, days INTEGER NOT NULL, hours TEXT NOT NULL,"
    "  zone TEXT NOT NULL, bound INTEGER NOT NULL, max_lifetime INTEGER NOT NULL,"
    "  max_age INTEGER NOT NULL, max_uses INTEGER NOT NULL, max_sessions INTEGER NOT NULL,"
    "  max_grants INTEGER NOT NULL, ssh INTEGER NOT NULL,"
    "  PRIMARY KEY (version, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE rule_index ("
    "  version INTEGER NOT NULL, pattern INTEGER NOT NULL, agent TEXT NOT NULL,"
    "  account TEXT NOT NULL, name TEXT NOT NULL,"
    "  PRIMARY KEY (version, pattern, agent, account, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE zone ("
    "  version INTEGER NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, ahead INTEGER,"
    "  PRIMARY KEY (version, name, at)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE observed ("
    "  account TEXT PRIMARY KEY, denied INTEGER NOT NULL, permitted INTEGER NOT NULL,"
    "  first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE event ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL,"
    "  agent TEXT NOT NULL, task TEXT NOT NULL, jti TEXT NOT NULL, record TEXT UNIQUE,"
    "  detail TEXT NOT NULL) STRICT;";
/* A rule in one line, as it was up to version 4. */
#define COPY_LINES_2 \
    "UPDATE rule_index SET (zone, line) = (SELECT r.zone," \
    " r.name || char(9) || r.forbid || char(9) || r.days || char(9) || r.bound || char(9) ||" \
    " r.max_lifetime || char(9) || r.max_age || char(9) || r.max_uses || char(9) ||" \
    " r.max_sessions || char(9) || r.max_grants || char(9) || r.ssh || char(9) || r.agents ||" \
    " char(9) || r.owners || char(9) || r.tasks || char(9) || r.accounts || char(9) ||" \
    " r.services || char(9) || r.source || char(9) || r.hours || char(9) || r.zone FROM rule r" \
    " WHERE r.version = rule_index.version AND r.name = rule_index.name)"
/* Who answers for an agent, and what became of that. held: why it is suspended. file, file_review: where it is
 * declared, and what that last said of its review. */
static const char owner_2[] =
    "CREATE TABLE owner ("
    "  name TEXT PRIMARY KEY, offboarded INTEGER NOT NULL, reason TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "ALTER TABLE agent ADD COLUMN held INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE agent ADD COLUMN file TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE agent ADD COLUMN file_review INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE agent ADD COLUMN certified INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE agent ADD COLUMN certified_by TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE agent ADD COLUMN because TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE setting ADD COLUMN overdue_denies INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE setting ADD COLUMN warn INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN idle INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX task_open ON task (deadline) WHERE state = 1;"
    "CREATE TABLE session ("
    "  id TEXT PRIMARY KEY, handle TEXT NOT NULL, boot TEXT NOT NULL, agent TEXT NOT NULL,"
    "  task TEXT NOT NULL, jti TEXT NOT NULL, service TEXT NOT NULL, account TEXT NOT NULL,"
    "  began INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT ''"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX session_open ON session (task) WHERE ended = 0;"
    "CREATE INDEX agent_by_owner ON agent (owner);"
    "UPDATE agent SET held = 1 WHERE state = 2;"
    "ALTER TABLE rule_index ADD COLUMN zone TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE rule_index ADD COLUMN line TEXT NOT NULL DEFAULT '';"
    "DELETE FROM rule_index WHERE version <> (SELECT policy FROM setting);" COPY_LINES_2 ";";

/* AUTOINCREMENT keeps the newest number that was given, also when its event is gone. */
static const char event_2[] =
    "ALTER TABLE event RENAME TO event_1;"
    "CREATE TABLE event ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL,"
    "  host TEXT NOT NULL, agent TEXT NOT NULL, owner TEXT NOT NULL, task TEXT NOT NULL,"
    "  jti TEXT NOT NULL, kid TEXT NOT NULL, account TEXT NOT NULL, service TEXT NOT NULL,"
    "  source TEXT NOT NULL, origin TEXT NOT NULL, decision TEXT NOT NULL, reason TEXT NOT NULL,"
    "  rule TEXT NOT NULL, policy TEXT NOT NULL, proof TEXT NOT NULL, record TEXT UNIQUE,"
    "  within TEXT NOT NULL, session TEXT NOT NULL, cause TEXT NOT NULL, detail TEXT NOT NULL,"
    "  prev TEXT NOT NULL, hash TEXT NOT NULL) STRICT;"
    "CREATE INDEX event_by_agent ON event (agent);"
    "CREATE INDEX event_by_task ON event (task);"
    "ALTER TABLE setting ADD COLUMN head_every INTEGER NOT NULL DEFAULT 3600;"
    "ALTER TABLE setting ADD COLUMN denials_every INTEGER NOT NULL DEFAULT 60;"
    "ALTER TABLE setting ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE setting ADD COLUMN archived_hash TEXT NOT NULL DEFAULT '" NHI_NO_EVENT "';"
    "ALTER TABLE setting ADD COLUMN archived_before INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE archived_record (record TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;";

/* Version 1 had its events in no chain, and numbers that might leave some out: they are numbered anew. Owners
 * could not change, so that those of now are those of then. */
static enum nhi_err chain_old_events(struct nhi_ledger *l)
{
    sqlite3_stmt *st = NULL;
    struct nhi_event e;
    struct nhi_grant g;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT at, kind, agent, task, jti, record, detail FROM event_1 ORDER BY seq", "");
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        memset(&e, 0, sizeof(e));
        e.detail = (const char *)sqlite3_column_text(st, 6);
        if (e.detail != NULL && nhi_grant_decode(e.detail, strlen(e.detail), &g) == NHI_OK)
            nhi_grant_event(&g, &e);
        e.detail = (const char *)sqlite3_column_text(st, 6);
        e.at = nhi_sql_int(st, 0, INT64_MIN, INT64_MAX, &err);
        nhi_sql_text(st, 1, e.kind, sizeof(e.kind), &err);
        nhi_sql_text(st, 2, e.agent, sizeof(e.agent), &err);
        nhi_sql_text(st, 3, e.task, sizeof(e.task), &err);
        nhi_sql_text(st, 4, e.jti, sizeof(e.jti), &err);
        nhi_sql_text(st, 5, e.record, sizeof(e.record), &err);
        if (err == NHI_OK)
            err = nhi_event_add(l, &e);
    }
    sqlite3_finalize(st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static enum nhi_err to_version_2(struct nhi_ledger *l)
{
    enum nhi_err err;

    err = nhi_sql_err(l, sqlite3_exec(l->db, owner_2, NULL, NULL, NULL));
    if (err == NHI_OK)
        err = nhi_sql_err(l, sqlite3_exec(l->db, event_2, NULL, NULL, NULL));
    if (err == NHI_OK)
        err = chain_old_events(l);
    if (err == NHI_OK)
        err = nhi_sql_err(l, sqlite3_exec(l->db, "DROP TABLE event_1", NULL, NULL, NULL));
    return err;
}

/* Tickets up to a row, and those of other issuers up to a moment, are of an epoch that is over. machine, boot: where
 * the ledger was written last; strange: it was written where it does not belong. */
static const char epoch_3[] = "ALTER TABLE setting ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;"
                              "ALTER TABLE setting ADD COLUMN epoch_at INTEGER NOT NULL DEFAULT 0;"
                              "ALTER TABLE setting ADD COLUMN epoch_ticket INTEGER NOT NULL DEFAULT 0;"
                              "ALTER TABLE setting ADD COLUMN machine TEXT NOT NULL DEFAULT '';"
                              "ALTER TABLE setting ADD COLUMN boot TEXT NOT NULL DEFAULT '';"
                              "ALTER TABLE setting ADD COLUMN strange INTEGER NOT NULL DEFAULT 0;"
                              "CREATE INDEX ticket_by_parent ON ticket (parent) WHERE parent IS NOT NULL;";

static enum nhi_err to_version_3(struct nhi_ledger *l)
{
    enum nhi_err err = nhi_sql_err(l, sqlite3_exec(l->db, epoch_3, NULL, NULL, NULL));

    return err == NHI_OK ? nhi_sql_tie(l) : err;
}

/* watched: since when an account takes tickets only. */
static const char watched_4[] =
    "ALTER TABLE agent ADD COLUMN daemons INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE watched ("
    "  account TEXT PRIMARY KEY, uid INTEGER NOT NULL, machine TEXT NOT NULL, boot TEXT NOT NULL,"
    "  start INTEGER NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX session_by_handle ON session (handle);";

static enum nhi_err to_version_4(struct nhi_ledger *l)
{
    return nhi_sql_err(l, sqlite3_exec(l->db, watched_4, NULL, NULL, NULL));
}

/* Of a rule only its line is kept (libnhi/policy/rule_line.h), beside what it is found by. */
#define TEXT_5(key, column) " iif(" column " = '', '', char(9) || '" key "=' || rtrim(" column ", ' '))"
#define NUMBER_5(key, column) " iif(" column " = 0, '', char(9) || '" key "=' || " column ")"
static const char line_5[] =
    "CREATE TABLE rule_5 ("
    "  version INTEGER NOT NULL REFERENCES policy, name TEXT NOT NULL, zone TEXT NOT NULL, line TEXT NOT NULL,"
    "  PRIMARY KEY (version, name)) STRICT, WITHOUT ROWID;"
    "INSERT INTO rule_5 SELECT version, name, zone, 'name=' || name || char(9) || 'effect=' ||"
    " iif(forbid, 'forbid', 'permit') ||" TEXT_5("agent", "agents") "||" TEXT_5("owner", "owners") "||" TEXT_5("task", "tasks") "||" TEXT_5(
        "account",
        "accounts") "||" TEXT_5("service",
                                "services") "||" TEXT_5("source", "source") "||" NUMBER_5("days",
                                                                                          "days") "||" TEXT_5("hours",
                                                                                                              "hours") "||" TEXT_5("zone",
                                                                                                                                   "zone") "||" NUMBER_5("bound", "bound") "||" NUMBER_5("max_lifetime",
                                                                                                                                                                                         "max_lifetime") "||" NUMBER_5("max_age", "max_age") "||" NUMBER_5("max_uses", "max_uses") "||" NUMBER_5("max_sessions", "max_sessions") "||" NUMBER_5("max_grants_per_hour",
                                                                                                                                                                                                                                                                                                                                               "max_grants") "||" NUMBER_5("ssh",
                                                                                                                                                                                                                                                                                                                                                                           "ssh") " FROM rule;"
                                                                                                                                                                                                                                                                                                                                                                                  "DROP TABLE rule;"
                                                                                                                                                                                                                                                                                                                                                                                  "ALTER TABLE rule_5 RENAME TO rule;"
                                                                                                                                                                                                                                                                                                                                                                                  "UPDATE rule_index SET line = (SELECT r.line FROM rule r"
                                                                                                                                                                                                                                                                                                                                                                                  " WHERE r.version = rule_index.version AND r.name = rule_index.name);";

static enum nhi_err to_version_5(struct nhi_ledger *l)
{
    return nhi_sql_err(l, sqlite3_exec(l->db, line_5, NULL, NULL, NULL));
}

/* What makes version n + 2 of version n + 1. A new ledger goes the same way as an old one. */
static enum nhi_err (*const steps[])(struct nhi_ledger *) = { to_version_2, to_version_3, to_version_4, to_version_5 };

_Static_assert(sizeof(steps) / sizeof(steps[0]) == NHI_SCHEMA_VERSION - 1, "a step to each version");

static enum nhi_err take_steps(struct nhi_ledger *l, int64_t version)
{
    enum nhi_err err = NHI_OK;
    char pragma[48];

    for (; err == NHI_OK && version < NHI_SCHEMA_VERSION; version++)
        err = steps[version - 1](l);
    snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", NHI_SCHEMA_VERSION);
    if (err == NHI_OK)
        err = nhi_sql_err(l, sqlite3_exec(l->db, pragma, NULL, NULL, NULL));
    return err;
}

/* Another writer may have been faster. */
static enum nhi_err bring_forward(struct nhi_ledger *l)
{
    enum nhi_err err;
    int64_t version;

    err = nhi_sql_err(l, sqlite3_exec(l->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    if (err == NHI_OK)
        err = nhi_sql_number(l, &version, "PRAGMA user_version", "");
    if (err == NHI_OK)
        err = take_steps(l, version);
    if (err == NHI_OK)
        err = nhi_ledger_commit(l);
    else
        nhi_ledger_rollback(l);
    return err;
}

enum nhi_err nhi_schema_create(struct nhi_ledger *l, const char *host, uint32_t uid_min, uint32_t uid_max, int64_t now)
{
    char pragma[96];
    enum nhi_err err;

    snprintf(pragma, sizeof(pragma), "PRAGMA application_id=%d;", APPLICATION_ID);
    err = nhi_sql_err(l, sqlite3_exec(l->db, pragma, NULL, NULL, NULL));
    if (err == NHI_OK)
        err = nhi_sql_err(l, sqlite3_exec(l->db, schema_identities, NULL, NULL, NULL));
    if (err == NHI_OK)
        err = nhi_sql_err(l, sqlite3_exec(l->db, schema_policy, NULL, NULL, NULL));
    if (err == NHI_OK)
        err = take_steps(l, 1);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL,
                          "INSERT INTO setting (host, uid_min, uid_max, next_uid, latest,"
                          " created, one) VALUES (?,?,?,?,?,?,1)",
                          "siiiii", host, (int64_t)uid_min, (int64_t)uid_max, (int64_t)uid_min + 1, now, now);
    return err == NHI_OK ? nhi_sql_tie(l) : err;
}

enum nhi_err nhi_schema_check(struct nhi_ledger *l)
{
    int64_t id, version;
    enum nhi_err err;

    err = nhi_sql_number(l, &id, "PRAGMA application_id", "");
    if (err == NHI_OK)
        err = nhi_sql_number(l, &version, "PRAGMA user_version", "");
    if (err != NHI_OK)
        return err;
    if (id != APPLICATION_ID || version < 1) {
        snprintf(l->message, sizeof(l->message), "not a ledger of nhi");
        return NHI_ERR_CORRUPT;
    }
    if (version > NHI_SCHEMA_VERSION)
        return NHI_ERR_VERSION;
    if (version == NHI_SCHEMA_VERSION)
        return NHI_OK;
    return l->mode == NHI_LEDGER_WRITE ? bring_forward(l) : NHI_ERR_STATE;
}
