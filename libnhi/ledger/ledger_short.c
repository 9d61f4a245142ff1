/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_short.h"

#include <string.h>

#include "libnhi/ledger/sql.h"

enum nhi_err nhi_ticket_by_short(struct nhi_ledger *l, const char *typed, char jti[NHI_JTI_LEN + 1])
{
    char first[NHI_JTI_LEN + 1];
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    if (strlen(typed) < NHI_JTI_SHORT_MIN || strlen(typed) > NHI_JTI_LEN)
        return NHI_ERR_NOT_FOUND;
    /* ~ comes after every character of an ID. */
    err = nhi_sql_prepare(l, &st, "SELECT jti FROM ticket WHERE jti >= ?1 AND jti < ?1 || '~' LIMIT 2", "s", typed);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK) {
        nhi_sql_text(st, 0, first, sizeof(first), &err);
        if (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK)
            err = NHI_ERR_EXISTS;
        else if (err == NHI_ERR_NOT_FOUND)
            err = NHI_OK;
    }
    nhi_sql_done(l, st);
    if (err == NHI_OK)
        memcpy(jti, first, sizeof(first));
    return err;
}
