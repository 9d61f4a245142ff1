/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/claims_row.h"

#include "libnhi/ticket/sshopt.h"

void nhi_sql_claims(sqlite3_stmt *st, struct nhi_ticket *t, enum nhi_err *err)
{
    nhi_sql_text(st, 0, t->jti, sizeof(t->jti), err);
    nhi_sql_text(st, 1, t->kid, sizeof(t->kid), err);
    nhi_sql_text(st, 2, t->agent, sizeof(t->agent), err);
    nhi_sql_text(st, 3, t->task, sizeof(t->task), err);
    nhi_sql_text(st, 4, t->host, sizeof(t->host), err);
    nhi_sql_text(st, 5, t->accounts, sizeof(t->accounts), err);
    nhi_sql_text(st, 6, t->services, sizeof(t->services), err);
    t->iat = nhi_sql_int(st, 7, 0, INT64_MAX, err);
    t->nbf = nhi_sql_int(st, 8, 0, INT64_MAX, err);
    t->exp = nhi_sql_int(st, 9, 0, INT64_MAX, err);
    t->uses = (uint32_t)nhi_sql_int(st, 10, 0, UINT32_MAX, err);
    t->has_cnf = sqlite3_column_type(st, 11) != SQLITE_NULL;
    if (t->has_cnf)
        nhi_sql_key(st, 11, t->cnf, err);
    nhi_sql_text(st, 12, t->parent, sizeof(t->parent), err);
    t->ssh = (uint32_t)nhi_sql_int(st, 13, 0, NHI_SSHOPT_ALL, err);
}
