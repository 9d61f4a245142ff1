/* SPDX-License-Identifier: ISC */
/*
 * Private to the ledger: short forms for prepared statements.
 */
#ifndef NHI_SQL_H
#define NHI_SQL_H

#include <sqlite3.h>

#include "libnhi/ledger/ledger.h"

struct nhi_publisher;
/* What a writer does beside its transactions. */
struct nhi_sql_hooks {
    enum nhi_err (*begin)(struct nhi_ledger *l); /* before it begins */
    enum nhi_err (*begun)(struct nhi_ledger *l, int64_t now);
    enum nhi_err (*commit)(struct nhi_ledger *l); /* before it is committed */
    void (*committed)(struct nhi_ledger *l);
    void (*undone)(struct nhi_ledger *l); /* after it was rolled back, or if none began */
    void (*free)(struct nhi_publisher *p);
};

#define NHI_SQL_KEPT 256 /* twice as many as there are different statements */
struct nhi_ledger {
    sqlite3 *db;
    sqlite3_stmt *kept[NHI_SQL_KEPT]; /* compiled statements that nobody uses now, by a hash of their text */
    enum nhi_ledger_mode mode;
    char message[200]; /* kept past sqlite3_close */
    bool chained;      /* this transaction has added an event: the newest is */
    int64_t last_seq;  /* this one, with this hash */
    char last_hash[NHI_DIGEST_LEN + 1];
    const struct nhi_sql_hooks *hooks; /* NULL: nothing is published */
    struct nhi_publisher *publisher;   /* of the hooks */
};

enum nhi_err nhi_sql_err(struct nhi_ledger *l, int rc);

/* A statement, which the caller gives back by nhi_sql_done. It is compiled, or is one that was given back with the same
 * text. types: one letter for each argument. s: const char * (NULL binds NULL), i: int64_t, k: 32 bytes. */
NHI_CHECK enum nhi_err nhi_sql_prepare(struct nhi_ledger *l, sqlite3_stmt **st, const char *sql, const char *types,
                                       ...);
/* Takes a statement back, in any state; NULL: does nothing. */
void nhi_sql_done(struct nhi_ledger *l, sqlite3_stmt *st);
/* Ends the statements that were given back, before the database is closed. */
void nhi_sql_forget(struct nhi_ledger *l);
/* Runs a statement that returns no row. changed, if not NULL: how many rows it changed. */
NHI_CHECK enum nhi_err nhi_sql_run(struct nhi_ledger *l, int64_t *changed, const char *sql, const char *types, ...);
/* One number from the first row. NHI_ERR_NOT_FOUND: no row, or NULL. */
NHI_CHECK enum nhi_err nhi_sql_number(struct nhi_ledger *l, int64_t *out, const char *sql, const char *types, ...);
/* NHI_OK: a row is ready. NHI_ERR_NOT_FOUND: no more rows. */
NHI_CHECK enum nhi_err nhi_sql_step(struct nhi_ledger *l, sqlite3_stmt *st);

/* Columns. A value that does not fit or has the wrong type sets *err to NHI_ERR_CORRUPT, which stays set: read all
 * columns, then look. */
/* Returns the length. */
size_t nhi_sql_text(sqlite3_stmt *st, int col, char *out, size_t size, enum nhi_err *err);
int64_t nhi_sql_int(sqlite3_stmt *st, int col, int64_t min, int64_t max, enum nhi_err *err);
void nhi_sql_key(sqlite3_stmt *st, int col, uint8_t out[NHI_PK_LEN], enum nhi_err *err);

#endif
