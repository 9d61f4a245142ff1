/* SPDX-License-Identifier: ISC */
/*
 * Statements stay compiled between their uses, since compiling one costs more than running it.
 *
 * MUST: a statement that is in use is lent to nobody else: only what was given back is kept, and leaves its place with
 * the next user. MUST: what is kept has no open row, which would hold an old view of the ledger, and no value.
 */
#include "libnhi/ledger/sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum nhi_err nhi_sql_err(struct nhi_ledger *l, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
        return NHI_OK;
    snprintf(l->message, sizeof(l->message), "%s", l->db != NULL ? sqlite3_errmsg(l->db) : sqlite3_errstr(rc));
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return NHI_ERR_BUSY;
    case SQLITE_FULL:
        return NHI_ERR_FULL;
    case SQLITE_NOMEM:
        return NHI_ERR_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: /* a table or column is missing */
        return NHI_ERR_CORRUPT;
    case SQLITE_CONSTRAINT:
        /* The agent or issuer that the row names is missing, which does not mean that the row exists. */
        return l->db != NULL && sqlite3_extended_errcode(l->db) == SQLITE_CONSTRAINT_FOREIGNKEY ? NHI_ERR_NOT_FOUND
                                                                                                : NHI_ERR_EXISTS;
    default:
        return NHI_ERR_SYS;
    }
}

/* keeps: what SQLite does with texts and bytes, which it copies, or which stay where they are until the statement is
 * given back. */
static int bind_all(sqlite3_stmt *st, sqlite3_destructor_type keeps, const char *types, va_list ap)
{
    int rc = SQLITE_OK;

    for (int i = 0; types[i] != '\0' && rc == SQLITE_OK; i++) {
        switch (types[i]) {
        case 's':
            rc = sqlite3_bind_text(st, i + 1, va_arg(ap, const char *), -1, keeps);
            break;
        case 'i':
            rc = sqlite3_bind_int64(st, i + 1, va_arg(ap, int64_t));
            break;
        case 'k':
            rc = sqlite3_bind_blob(st, i + 1, va_arg(ap, const void *), NHI_PK_LEN, keeps);
            break;
        default:
            rc = SQLITE_MISUSE;
        }
    }
    return rc;
}

#define PLACES 4 /* for texts with the same hash */
#define MIX 0x9e3779b97f4a7c15u

static size_t first_place(const char *sql)
{
    const size_t len = strlen(sql);
    uint64_t hash = len, word;
    size_t at = 0;

    for (; at + sizeof(word) <= len; at += sizeof(word)) {
        memcpy(&word, sql + at, sizeof(word));
        hash = (hash ^ word) * MIX;
        hash ^= hash >> 29;
    }
    for (; at < len; at++)
        hash = (hash ^ (unsigned char)sql[at]) * MIX;
    return (size_t)(hash >> 32);
}

/* One that was given back, which is no longer kept then, or NULL. */
static sqlite3_stmt *take_kept(struct nhi_ledger *l, const char *sql)
{
    const size_t first = first_place(sql);

    for (size_t i = 0; i < PLACES; i++) {
        sqlite3_stmt **place = &l->kept[(first + i) % NHI_SQL_KEPT], *st = *place;

        if (st != NULL && strcmp(sqlite3_sql(st), sql) == 0) {
            *place = NULL;
            return st;
        }
    }
    return NULL;
}

void nhi_sql_done(struct nhi_ledger *l, sqlite3_stmt *st)
{
    sqlite3_stmt **place;
    size_t first;

    if (st == NULL)
        return;
    (void)sqlite3_reset(st);
    (void)sqlite3_clear_bindings(st);
    first = first_place(sqlite3_sql(st));
    for (size_t i = 0; i < PLACES; i++) {
        place = &l->kept[(first + i) % NHI_SQL_KEPT];
        if (*place == NULL) {
            *place = st;
            return;
        }
    }
    place = &l->kept[first % NHI_SQL_KEPT];
    (void)sqlite3_finalize(*place);
    *place = st;
}

void nhi_sql_forget(struct nhi_ledger *l)
{
    for (size_t i = 0; i < NHI_SQL_KEPT; i++) {
        (void)sqlite3_finalize(l->kept[i]);
        l->kept[i] = NULL;
    }
}

/* Compiled now or earlier, with no value yet. */
static enum nhi_err lend(struct nhi_ledger *l, sqlite3_stmt **st, const char *sql)
{
    *st = take_kept(l, sql);
    if (*st != NULL)
        return NHI_OK;
    return nhi_sql_err(l, sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL));
}

/* The result of bind_all; after a failure the statement is given back. */
static enum nhi_err bound(struct nhi_ledger *l, sqlite3_stmt *st, int rc)
{
    enum nhi_err err = nhi_sql_err(l, rc);

    if (err != NHI_OK)
        nhi_sql_done(l, st);
    return err;
}

enum nhi_err nhi_sql_prepare(struct nhi_ledger *l, sqlite3_stmt **st, const char *sql, const char *types, ...)
{
    sqlite3_stmt *lent = NULL;
    enum nhi_err err = lend(l, &lent, sql);
    va_list ap;

    va_start(ap, types);
    if (err == NHI_OK)
        err = bound(l, lent, bind_all(lent, SQLITE_TRANSIENT, types, ap));
    va_end(ap);
    if (err == NHI_OK)
        *st = lent;
    return err;
}

enum nhi_err nhi_sql_step(struct nhi_ledger *l, sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);

    if (rc == SQLITE_DONE)
        return NHI_ERR_NOT_FOUND;
    return nhi_sql_err(l, rc);
}

enum nhi_err nhi_sql_run(struct nhi_ledger *l, int64_t *changed, const char *sql, const char *types, ...)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err = lend(l, &st, sql);
    va_list ap;

    va_start(ap, types);
    if (err == NHI_OK)
        err = bound(l, st, bind_all(st, SQLITE_STATIC, types, ap));
    va_end(ap);
    if (err != NHI_OK)
        return err;
    err = nhi_sql_err(l, sqlite3_step(st));
    nhi_sql_done(l, st);
    if (err == NHI_OK && changed != NULL)
        *changed = sqlite3_changes(l->db);
    return err;
}

enum nhi_err nhi_sql_number(struct nhi_ledger *l, int64_t *out, const char *sql, const char *types, ...)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err = lend(l, &st, sql);
    va_list ap;

    va_start(ap, types);
    if (err == NHI_OK)
        err = bound(l, st, bind_all(st, SQLITE_STATIC, types, ap));
    va_end(ap);
    if (err != NHI_OK)
        return err;
    err = nhi_sql_step(l, st);
    if (err == NHI_OK && sqlite3_column_type(st, 0) == SQLITE_NULL)
        err = NHI_ERR_NOT_FOUND;
    if (err == NHI_OK)
        *out = nhi_sql_int(st, 0, INT64_MIN, INT64_MAX, &err);
    nhi_sql_done(l, st);
    return err;
}

/* As bytes: asking for text would make SQLite copy it to add a NUL. */
size_t nhi_sql_text(sqlite3_stmt *st, int col, char *out, size_t size, enum nhi_err *err)
{
    const void *text;
    size_t len;

    out[0] = '\0';
    if (*err != NHI_OK || sqlite3_column_type(st, col) == SQLITE_NULL)
        return 0;
    text = sqlite3_column_blob(st, col);
    len = (size_t)sqlite3_column_bytes(st, col);
    /* Nothing is NULL, and so is what there was no memory for. */
    if (text == NULL && len == 0 && sqlite3_column_text(st, col) != NULL)
        return 0;
    if (text == NULL || len >= size || memchr(text, '\0', len) != NULL) {
        *err = NHI_ERR_CORRUPT;
        return 0;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return len;
}

int64_t nhi_sql_int(sqlite3_stmt *st, int col, int64_t min, int64_t max, enum nhi_err *err)
{
    int64_t v;

    if (*err != NHI_OK)
        return min;
    v = sqlite3_column_int64(st, col);
    if (sqlite3_column_type(st, col) != SQLITE_INTEGER || v < min || v > max) {
        *err = NHI_ERR_CORRUPT;
        return min;
    }
    return v;
}

void nhi_sql_key(sqlite3_stmt *st, int col, uint8_t out[NHI_PK_LEN], enum nhi_err *err)
{
    if (*err != NHI_OK)
        return;
    if (sqlite3_column_type(st, col) != SQLITE_BLOB || sqlite3_column_bytes(st, col) != NHI_PK_LEN) {
        *err = NHI_ERR_CORRUPT;
        return;
    }
    memcpy(out, sqlite3_column_blob(st, col), NHI_PK_LEN);
}
