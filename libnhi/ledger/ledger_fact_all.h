/* SPDX-License-Identifier: ISC */
/*
 * All facts of the ledger, for publishing them.
 */
#ifndef NHI_LEDGER_FACT_ALL_H
#define NHI_LEDGER_FACT_ALL_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/state/fact.h"

/* Calls add with every fact that is to be published at now, and every entry of a list, until it fails. fit: as it is
 * published with the host. */
NHI_CHECK enum nhi_err nhi_sql_facts(struct nhi_ledger *l, int64_t now, uint8_t fit, nhi_fact_fn add, void *ctx);
/* The facts that follow from one ticket: the lists that it is in, and that it is the newest of its lineage. */
NHI_CHECK enum nhi_err nhi_sql_facts_of(struct nhi_ledger *l, const char *jti, nhi_fact_fn add, void *ctx);

#endif
