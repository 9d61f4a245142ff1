/* SPDX-License-Identifier: ISC */
/*
 * Private to the ledger: the claims of a ticket in its row.
 */
#ifndef NHI_CLAIMS_ROW_H
#define NHI_CLAIMS_ROW_H

#include "libnhi/ledger/sql.h"
#include "libnhi/ticket/ticket.h"

/* Columns of ticket t, as the first ones of a SELECT; others follow from NHI_CLAIMS_END on. */
#define NHI_CLAIMS_COLUMNS \
    "t.jti, t.kid, t.agent, t.task, t.host, t.accounts, t.services, t.iat, t.nbf, t.exp, t.uses, t.cnf, t.parent," \
    " t.ssh"
#define NHI_CLAIMS_END 14

/* Fills t, which is zeroed. As nhi_sql_text and its companions, it sets *err, which stays set. */
void nhi_sql_claims(sqlite3_stmt *st, struct nhi_ticket *t, enum nhi_err *err);

#endif
