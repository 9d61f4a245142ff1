/* SPDX-License-Identifier: ISC */
/*
 * Copies of the ledger in memory: nobody can change one between its check and its use, and they need no space on a
 * disk, which may be full.
 */
#include "libnhi/ledger/ledger_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/schema.h"
#include "libnhi/ledger/sql.h"

/* Bytes of the header that record whether the database has a log; sqlite.org/fileformat.html, 1.3.3. */
#define WRITE_VERSION 18
#define READ_VERSION 19
#define HEADER_LEN 100
#define NO_LOG 1

/* Page by page from this view of the ledger, with what is in its log. */
enum nhi_err nhi_ledger_image(struct nhi_ledger *l, unsigned char **image, size_t *len)
{
    sqlite3_int64 size = 0;
    unsigned char *bytes = sqlite3_serialize(l->db, "main", &size, 0);

    if (bytes == NULL || size < HEADER_LEN) {
        sqlite3_free(bytes);
        return NHI_ERR_NOMEM;
    }
    bytes[WRITE_VERSION] = NO_LOG;
    bytes[READ_VERSION] = NO_LOG;
    *image = bytes;
    *len = (size_t)size;
    return NHI_OK;
}

void nhi_ledger_image_free(unsigned char *image)
{
    sqlite3_free(image);
}

static enum nhi_err load(struct nhi_ledger *l, const char *schema, const unsigned char *image, size_t len)
{
    unsigned char *own = sqlite3_malloc64(len);

    if (own == NULL)
        return NHI_ERR_NOMEM;
    memcpy(own, image, len);
    /* sqlite3_deserialize takes no database with a log. */
    own[WRITE_VERSION] = NO_LOG;
    own[READ_VERSION] = NO_LOG;
    return nhi_sql_err(l, sqlite3_deserialize(l->db, schema, own, (sqlite3_int64)len, (sqlite3_int64)len,
                                              SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE));
}

enum nhi_err nhi_ledger_look(struct nhi_ledger *l)
{
    sqlite3_stmt *st = NULL;
    char answer[64] = "";
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "PRAGMA integrity_check(1)", "");
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK) {
        const char *said = (const char *)sqlite3_column_text(st, 0);

        snprintf(answer, sizeof(answer), "%s", said != NULL ? said : "");
    }
    nhi_sql_done(l, st);
    return err == NHI_OK && strcmp(answer, "ok") != 0 ? NHI_ERR_CORRUPT : err;
}

enum nhi_err nhi_copy_open(const unsigned char *image, size_t len, struct nhi_ledger **out)
{
    int on = 1;
    struct nhi_ledger *l;
    enum nhi_err err;

    if (len < HEADER_LEN)
        return NHI_ERR_CORRUPT;
    l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NHI_ERR_NOMEM;
    l->mode = NHI_LEDGER_WRITE;
    err = nhi_sql_err(l, sqlite3_open(":memory:", &l->db));
    if (err == NHI_OK)
        err = nhi_sql_err(l, sqlite3_db_config(l->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &on));
    if (err == NHI_OK)
        err = nhi_sql_err(l, sqlite3_exec(l->db, "PRAGMA cell_size_check=ON", NULL, NULL, NULL));
    if (err == NHI_OK)
        err = load(l, "main", image, len);
    if (err == NHI_OK)
        err = nhi_ledger_look(l);
    if (err == NHI_OK)
        err = nhi_schema_check(l);
    if (err == NHI_OK)
        *out = l;
    else
        nhi_ledger_close(l);
    return err;
}

enum nhi_err nhi_restore_attach(struct nhi_ledger *l, struct nhi_ledger *copy)
{
    unsigned char *image = NULL;
    enum nhi_err err;
    size_t len = 0;

    err = nhi_ledger_image(copy, &image, &len);
    if (err == NHI_OK)
        err = nhi_sql_err(l, sqlite3_exec(l->db, "ATTACH ':memory:' AS copy", NULL, NULL, NULL));
    if (err == NHI_OK)
        err = load(l, "copy", image, len);
    nhi_ledger_image_free(image);
    return err;
}

enum nhi_err nhi_copy_leave_out(struct nhi_ledger *copy, const char *name, const char *as, int64_t now)
{
    static const char *const others[] = { "UPDATE agent_group SET agent = ?2 WHERE agent = ?1",
                                          "UPDATE task SET agent = ?2 WHERE agent = ?1",
                                          "UPDATE ticket SET agent = ?2 WHERE agent = ?1" };
    int64_t any = 0, changed = 0;
    enum nhi_err err = nhi_sql_number(copy, &any, "SELECT count(*) FROM agent WHERE name = ?1", "s", as);

    if (err != NHI_OK || any > 0)
        return err != NHI_OK ? err : NHI_ERR_EXISTS;
    /* Names are keys: they are compared only after all of them were changed. */
    err = nhi_sql_run(copy, NULL, "BEGIN", "");
    if (err == NHI_OK)
        err = nhi_sql_run(copy, NULL, "PRAGMA defer_foreign_keys = ON", "");
    if (err == NHI_OK)
        err = nhi_sql_run(copy, &changed,
                          "UPDATE agent SET name = ?2, state = 3, changed = ?3,"
                          " reason = 'left out when the ledger was restored' WHERE name = ?1",
                          "ssi", name, as, now);
    if (err == NHI_OK && changed == 0)
        err = NHI_ERR_NOT_FOUND;
    for (size_t i = 0; err == NHI_OK && i < sizeof(others) / sizeof(others[0]); i++)
        err = nhi_sql_run(copy, NULL, others[i], "ss", name, as);
    if (err == NHI_OK)
        return nhi_sql_run(copy, NULL, "COMMIT", "");
    (void)!nhi_sql_run(copy, NULL, "ROLLBACK", "");
    return err;
}
