/* SPDX-License-Identifier: ISC */
/*
 * MUST: never change this once it was released: changes come as a step (schema_steps.h). It is only text, without
 * macros, types or functions, whose meaning may change later.
 *
 * Nothing that was ever used is deleted: names, uids, task IDs, ticket IDs and key names are keys here, and an existing
 * key cannot be assigned again.
 */
#include "libnhi/ledger/schema_tables.h"

#include <stddef.h>

/* line: the settings of nhi.conf. epoch: tickets up to the row epoch_ticket, and those of other issuers up to epoch_at,
 * belong to an epoch that has ended. machine, boot: where the ledger was written last; strange: on another machine than
 * its own. */
static const char setting[] =
    "CREATE TABLE setting ("
    "  host TEXT NOT NULL, uid_min INTEGER NOT NULL, uid_max INTEGER NOT NULL, next_uid INTEGER NOT NULL,"
    "  latest INTEGER NOT NULL, created INTEGER NOT NULL, line TEXT NOT NULL DEFAULT '',"
    "  policy INTEGER NOT NULL DEFAULT 0, one INTEGER PRIMARY KEY CHECK (one = 1),"
    "  archived INTEGER NOT NULL DEFAULT 0,"
    "  archived_hash TEXT NOT NULL DEFAULT '0000000000000000000000000000000000000000000000000000000000000000',"
    "  archived_before INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,"
    "  epoch_at INTEGER NOT NULL DEFAULT 0, epoch_ticket INTEGER NOT NULL DEFAULT 0,"
    "  machine TEXT NOT NULL DEFAULT '', boot TEXT NOT NULL DEFAULT '',"
    "  strange INTEGER NOT NULL DEFAULT 0, generation INTEGER NOT NULL DEFAULT 0) STRICT;";

/* held: why an agent is suspended. file, file_review: the file that declares it, and its last review date there.
 * owner.offboarded: since when. watched: since when an account takes tickets only. */
static const char agents[] =
    "CREATE TABLE agent ("
    "  name TEXT PRIMARY KEY, uid INTEGER NOT NULL UNIQUE, owner TEXT NOT NULL, purpose TEXT NOT NULL,"
    "  review_by INTEGER NOT NULL, gecos TEXT NOT NULL, home TEXT NOT NULL, shell TEXT NOT NULL,"
    "  state INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL, reason TEXT NOT NULL,"
    "  revoked_until INTEGER NOT NULL DEFAULT 0, last_used INTEGER NOT NULL DEFAULT 0,"
    "  held INTEGER NOT NULL DEFAULT 0, file TEXT NOT NULL DEFAULT '', file_review INTEGER NOT NULL DEFAULT 0,"
    "  certified INTEGER NOT NULL DEFAULT 0, certified_by TEXT NOT NULL DEFAULT '',"
    "  because TEXT NOT NULL DEFAULT '', daemons INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
    "CREATE INDEX agent_by_owner ON agent (owner);"
    "CREATE TABLE agent_group ("
    "  agent TEXT NOT NULL REFERENCES agent, place INTEGER NOT NULL, gid INTEGER NOT NULL, name TEXT NOT NULL,"
    "  PRIMARY KEY (agent, place)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE owner ("
    "  name TEXT PRIMARY KEY, offboarded INTEGER NOT NULL, reason TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE task ("
    "  id TEXT PRIMARY KEY, agent TEXT NOT NULL REFERENCES agent, state INTEGER NOT NULL,"
    "  opened INTEGER NOT NULL, deadline INTEGER NOT NULL, closed INTEGER NOT NULL DEFAULT 0,"
    "  reason TEXT NOT NULL DEFAULT '', tree TEXT, idle INTEGER NOT NULL DEFAULT 0,"
    "  used INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
    "CREATE INDEX task_by_tree ON task (tree) WHERE tree IS NOT NULL AND state = 1;"
    "CREATE INDEX task_by_agent ON task (agent, opened);"
    "CREATE INDEX task_due ON task (state,"
    "  CASE WHEN idle > 0 THEN min(deadline, max(opened, used) + idle) ELSE deadline END) WHERE state = 1;"
    "CREATE INDEX task_open_of ON task (agent, opened) WHERE state = 1;"
    "CREATE TABLE session ("
    "  id TEXT PRIMARY KEY, handle TEXT NOT NULL, boot TEXT NOT NULL, agent TEXT NOT NULL, task TEXT NOT NULL,"
    "  jti TEXT NOT NULL, service TEXT NOT NULL, account TEXT NOT NULL, began INTEGER NOT NULL,"
    "  ended INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;"
    "CREATE INDEX session_open ON session (task) WHERE ended = 0;"
    "CREATE INDEX session_by_handle ON session (handle);"
    "CREATE TABLE watched ("
    "  account TEXT PRIMARY KEY, uid INTEGER NOT NULL, machine TEXT NOT NULL, boot TEXT NOT NULL,"
    "  start INTEGER NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE observed ("
    "  account TEXT PRIMARY KEY, denied INTEGER NOT NULL, permitted INTEGER NOT NULL, first INTEGER NOT NULL,"
    "  last INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/* Which accounts were added or changed, as libnhi/ledger/ledger_account.h says. More changes than it keeps are no use:
 * the whole snapshot is made anew. */
static const char accounts[] =
    "CREATE TABLE account_change (place INTEGER PRIMARY KEY, number INTEGER NOT NULL, uid INTEGER NOT NULL) STRICT;"
    "CREATE TRIGGER account_noted AFTER INSERT ON account_change"
    " BEGIN DELETE FROM account_change WHERE place = NEW.place - 65; END;"
    "CREATE TRIGGER account_added AFTER INSERT ON agent BEGIN"
    " INSERT INTO account_change (number, uid) SELECT random(), uid FROM agent WHERE name = NEW.name; END;"
    "CREATE TRIGGER account_changed AFTER UPDATE OF name, uid, gecos, home, shell, state ON agent BEGIN"
    " INSERT INTO account_change (number, uid) SELECT random(), uid FROM agent WHERE name = NEW.name; END;"
    "CREATE TRIGGER group_added AFTER INSERT ON agent_group BEGIN"
    " INSERT INTO account_change (number, uid) SELECT random(), uid FROM agent WHERE name = NEW.agent; END;"
    "CREATE TRIGGER group_removed AFTER DELETE ON agent_group BEGIN"
    " INSERT INTO account_change (number, uid) SELECT random(), uid FROM agent WHERE name = OLD.agent; END;";

static const char tickets[] =
    "CREATE TABLE issuer ("
    "  kid TEXT PRIMARY KEY, pk BLOB NOT NULL UNIQUE, state INTEGER NOT NULL, own INTEGER NOT NULL,"
    "  opens_tasks INTEGER NOT NULL, agents TEXT NOT NULL, accounts TEXT NOT NULL, services TEXT NOT NULL,"
    "  max_ttl INTEGER NOT NULL, added INTEGER NOT NULL, changed INTEGER NOT NULL,"
    "  reason TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;"
    "CREATE TABLE ticket ("
    "  n INTEGER PRIMARY KEY, jti TEXT NOT NULL UNIQUE, kid TEXT NOT NULL REFERENCES issuer,"
    "  agent TEXT NOT NULL, task TEXT NOT NULL, host TEXT NOT NULL, accounts TEXT NOT NULL,"
    "  services TEXT NOT NULL, iat INTEGER NOT NULL, nbf INTEGER NOT NULL, exp INTEGER NOT NULL,"
    "  uses INTEGER NOT NULL, cnf BLOB, parent TEXT, origin INTEGER NOT NULL, recorded INTEGER NOT NULL,"
    "  grants INTEGER NOT NULL DEFAULT 0, last_used INTEGER NOT NULL DEFAULT 0, root TEXT NOT NULL,"
    "  renews TEXT, successor TEXT, superseded INTEGER NOT NULL DEFAULT 0,"
    "  renew_until INTEGER NOT NULL DEFAULT 0, no_pin INTEGER NOT NULL DEFAULT 0, tree TEXT,"
    "  ssh INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX ticket_by_root ON ticket (root);"
    "CREATE INDEX ticket_by_tree ON ticket (tree) WHERE tree IS NOT NULL;"
    "CREATE INDEX ticket_in_tree ON ticket (exp) WHERE tree IS NOT NULL;"
    "CREATE INDEX ticket_by_agent ON ticket (agent, exp);"
    "CREATE INDEX ticket_by_task ON ticket (task, exp);"
    "CREATE INDEX ticket_by_exp ON ticket (exp);"
    "CREATE INDEX ticket_by_key ON ticket (cnf, exp) WHERE cnf IS NOT NULL;"
    "CREATE INDEX ticket_by_parent ON ticket (parent) WHERE parent IS NOT NULL;"
    "CREATE TABLE ticket_account ("
    "  account TEXT NOT NULL, exp INTEGER NOT NULL, jti TEXT NOT NULL,"
    "  PRIMARY KEY (account, exp, jti)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE bound_key ("
    "  cnf BLOB NOT NULL, account TEXT NOT NULL, PRIMARY KEY (cnf, account)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX bound_key_by_account ON bound_key (account);"
    "CREATE TABLE revocation ("
    "  kind INTEGER NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL,"
    "  PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;";

/* A rule is kept as its line (libnhi/policy/rule_line.h), beside the columns that it is found by. */
static const char policies[] =
    "CREATE TABLE policy ("
    "  version INTEGER PRIMARY KEY, hash TEXT NOT NULL, at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX policy_by_hash ON policy (hash);"
    "CREATE TABLE rule ("
    "  version INTEGER NOT NULL REFERENCES policy, name TEXT NOT NULL, zone TEXT NOT NULL, line TEXT NOT NULL,"
    "  PRIMARY KEY (version, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE rule_index ("
    "  version INTEGER NOT NULL, pattern INTEGER NOT NULL, agent TEXT NOT NULL, account TEXT NOT NULL,"
    "  name TEXT NOT NULL, zone TEXT NOT NULL DEFAULT '', line TEXT NOT NULL DEFAULT '',"
    "  PRIMARY KEY (version, pattern, agent, account, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE zone ("
    "  version INTEGER NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, ahead INTEGER,"
    "  PRIMARY KEY (version, name, at)) STRICT, WITHOUT ROWID;";

/* AUTOINCREMENT keeps the newest number that was assigned, even when its event is gone. */
static const char events[] =
    "CREATE TABLE event ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, host TEXT NOT NULL,"
    "  agent TEXT NOT NULL, owner TEXT NOT NULL, task TEXT NOT NULL, jti TEXT NOT NULL, kid TEXT NOT NULL,"
    "  account TEXT NOT NULL, service TEXT NOT NULL, source TEXT NOT NULL, origin TEXT NOT NULL,"
    "  decision TEXT NOT NULL, reason TEXT NOT NULL, rule TEXT NOT NULL, policy TEXT NOT NULL,"
    "  proof TEXT NOT NULL, record TEXT UNIQUE, within TEXT NOT NULL, session TEXT NOT NULL,"
    "  cause TEXT NOT NULL, detail TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL) STRICT;"
    "CREATE INDEX event_by_agent ON event (agent);"
    "CREATE INDEX event_by_task ON event (task);"
    "CREATE TABLE archived_record (record TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;";

const char *const nhi_schema_tables[] = { setting, agents, accounts, tickets, policies, events, NULL };
