/* SPDX-License-Identifier: ISC */
/*
 * Private to the ledger: its rows as facts.
 */
#ifndef NHI_LEDGER_FACT_ROW_H
#define NHI_LEDGER_FACT_ROW_H

#include "libnhi/ledger/claims_row.h"
#include "libnhi/state/fact.h"

/* Each SELECT is followed by a condition or nothing, and its row is read by the function of that name. */
#define NHI_FACT_AGENTS "SELECT name, uid, state, owner, review_by, revoked_until FROM agent"
#define NHI_FACT_TASKS "SELECT id, agent, state, deadline FROM task"
#define NHI_FACT_REVOCATIONS "SELECT kind, id FROM revocation"
#define NHI_FACT_KEYS "SELECT cnf FROM ticket WHERE cnf IS NOT NULL UNION SELECT cnf FROM bound_key"
/* Looks for the next account each time, however many tickets name one. */
#define NHI_FACT_ACCOUNTS \
    "WITH RECURSIVE a(x) AS (SELECT min(account) FROM ticket_account UNION ALL SELECT" \
    "  (SELECT min(c.account) FROM ticket_account c WHERE c.account > a.x) FROM a WHERE a.x IS NOT NULL)" \
    " SELECT x FROM a WHERE x IS NOT NULL UNION SELECT account FROM bound_key"
#define NHI_FACT_RULES \
    "SELECT i.pattern, i.agent, i.account, i.zone, i.line FROM setting s JOIN rule_index i ON s.one = 1" \
    " AND i.version = s.policy"
#define NHI_FACT_TICKETS \
    "SELECT " NHI_CLAIMS_COLUMNS \
    ", t.n, t.recorded, t.root, t.renews, t.successor, t.tree, t.superseded, t.no_pin FROM ticket t"

/* Reads the row of a statement. */
typedef enum nhi_err (*fact_row_fn)(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v);
NHI_CHECK enum nhi_err fact_read_agent(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v);
NHI_CHECK enum nhi_err fact_read_task(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v);
NHI_CHECK enum nhi_err fact_read_revocation(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v);
NHI_CHECK enum nhi_err fact_read_key(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v);
NHI_CHECK enum nhi_err fact_read_account(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v);
NHI_CHECK enum nhi_err fact_read_rule(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v);
NHI_CHECK enum nhi_err fact_read_ticket_fact(sqlite3_stmt *st, struct nhi_fact_key *key, struct nhi_value *v);
NHI_CHECK enum nhi_err fact_read_ticket(sqlite3_stmt *st, struct nhi_fact_ticket *f);

/* What has no row of its own. fit: as it is published with the host. */
NHI_CHECK enum nhi_err fact_put_host(struct nhi_ledger *l, uint8_t fit, struct nhi_value *v);
NHI_CHECK enum nhi_err fact_put_issuer(struct nhi_ledger *l, const char *kid, struct nhi_value *v);
NHI_CHECK enum nhi_err fact_put_zone(struct nhi_ledger *l, const char *zone, struct nhi_value *v);

#endif
