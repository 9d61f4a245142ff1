/*
 * Inside the ledger only: prepared statements with less ceremony.
 */
#ifndef NHI_SQL_H
#define NHI_SQL_H

#include <sqlite3.h>

#include "libnhi/ledger/ledger.h"

struct nhi_ledger {
    sqlite3 *db;
    enum nhi_ledger_mode mode;
    char message[200]; /* kept past sqlite3_close */
};

enum nhi_err nhi_sql_err(struct nhi_ledger *l, int rc);

/* types: one letter an argument. s: const char * (NULL binds NULL), i: int64_t, k: 32 bytes. */
NHI_CHECK enum nhi_err nhi_sql_prepare(struct nhi_ledger *l, sqlite3_stmt **st, const char *sql, const char *types,
                                       ...);
/* Runs a statement that returns no row. changed, if not NULL: how many rows it changed. */
NHI_CHECK enum nhi_err nhi_sql_run(struct nhi_ledger *l, int64_t *changed, const char *sql, const char *types, ...);
/* One number from the first row. NHI_ERR_NOT_FOUND: no row, or NULL. */
NHI_CHECK enum nhi_err nhi_sql_number(struct nhi_ledger *l, int64_t *out, const char *sql, const char *types, ...);
/* NHI_OK: there is a row. NHI_ERR_NOT_FOUND: no more. */
NHI_CHECK enum nhi_err nhi_sql_step(struct nhi_ledger *l, sqlite3_stmt *st);

/* Columns. A value that does not fit or has the wrong type sets *err to NHI_ERR_CORRUPT, once set it
 * stays: read all columns, then look. */
void nhi_sql_text(sqlite3_stmt *st, int col, char *out, size_t size, enum nhi_err *err);
int64_t nhi_sql_int(sqlite3_stmt *st, int col, int64_t min, int64_t max, enum nhi_err *err);
void nhi_sql_key(sqlite3_stmt *st, int col, uint8_t out[NHI_PK_LEN], enum nhi_err *err);

/* A rule of table rule in one line, of fields with a tab between two, which none can hold: what a decision reads of
 * a thousand rules is a thousand texts. */
#define NHI_SQL_LINE \
    "r.name || char(9) || r.forbid || char(9) || r.days || char(9) || r.bound || char(9) ||" \
    " r.max_lifetime || char(9) || r.max_age || char(9) || r.max_uses || char(9) ||" \
    " r.max_sessions || char(9) || r.max_grants || char(9) || r.ssh || char(9) || r.agents ||" \
    " char(9) || r.owners || char(9) || r.tasks || char(9) || r.accounts || char(9) ||" \
    " r.services || char(9) || r.source || char(9) || r.hours || char(9) || r.zone"
/* What nhi_sql_rules reads, of the rules that the index names. */
#define NHI_SQL_COPY_LINES \
    "UPDATE rule_index SET (zone, line) = (SELECT r.zone, " NHI_SQL_LINE " FROM rule r" \
    " WHERE r.version = rule_index.version AND r.name = rule_index.name)"

#endif
