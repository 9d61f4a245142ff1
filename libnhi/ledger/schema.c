/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/schema.h"

#include <stdio.h>

#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/schema_steps.h"
#include "libnhi/ledger/schema_tables.h"
#include "libnhi/ledger/sql.h"

/* "nhi" and a number, so that file(1) and an administrator in trouble can identify it; a ledger with another number was
 * made before the first release. */
#define APPLICATION_ID 0x6e686903

int nhi_schema_version(void)
{
    int version = 1;

    while (nhi_schema_steps[version - 1] != NULL)
        version++;
    return version;
}

static enum nhi_err take_steps(struct nhi_ledger *l, int64_t version)
{
    enum nhi_err err = NHI_OK;
    char pragma[48];

    for (; err == NHI_OK && version < nhi_schema_version(); version++)
        err = nhi_sql_err(l, sqlite3_exec(l->db, nhi_schema_steps[version - 1], NULL, NULL, NULL));
    snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%lld", (long long)version);
    if (err == NHI_OK)
        err = nhi_sql_err(l, sqlite3_exec(l->db, pragma, NULL, NULL, NULL));
    return err;
}

/* Another writer may have upgraded it first. */
static enum nhi_err bring_forward(struct nhi_ledger *l)
{
    enum nhi_err err;
    int64_t version;

    err = nhi_sql_err(l, sqlite3_exec(l->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    if (err == NHI_OK)
        err = nhi_sql_number(l, &version, "PRAGMA user_version", "");
    if (err == NHI_OK && version > nhi_schema_version())
        err = NHI_ERR_VERSION;
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
    for (size_t i = 0; err == NHI_OK && nhi_schema_tables[i] != NULL; i++)
        err = nhi_sql_err(l, sqlite3_exec(l->db, nhi_schema_tables[i], NULL, NULL, NULL));
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
    if (version > nhi_schema_version())
        return NHI_ERR_VERSION;
    if (version == nhi_schema_version())
        return NHI_OK;
    return l->mode == NHI_LEDGER_WRITE ? bring_forward(l) : NHI_ERR_STATE;
}
