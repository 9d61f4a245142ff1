/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_bound.h"

#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/sql.h"

enum nhi_err nhi_ticket_each_bound(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN],
                                   int (*fn)(const struct nhi_ticket_row *, void *), void *ctx)
{
    char jti[NHI_JTI_LEN + 1];
    struct nhi_ticket_row row;
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT jti FROM ticket WHERE cnf = ? ORDER BY n DESC", "k", key);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        nhi_sql_text(st, 0, jti, sizeof(jti), &err);
        if (err == NHI_OK)
            err = nhi_ticket_get(l, jti, &row);
        if (err == NHI_OK && fn(&row, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}
