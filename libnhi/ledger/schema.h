/*
 * The tables of the ledger.
 */
#ifndef NHI_SCHEMA_H
#define NHI_SCHEMA_H

#include "libnhi/ledger/sql.h"

NHI_CHECK enum nhi_err nhi_schema_create(struct nhi_ledger *l, const char *host, uint32_t uid_min, uint32_t uid_max,
                                         int64_t now);
/* Checks that this is a ledger and brings an older schema forward when writing. */
NHI_CHECK enum nhi_err nhi_schema_check(struct nhi_ledger *l);

#endif
