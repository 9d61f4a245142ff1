/* SPDX-License-Identifier: ISC */
/*
 * The ledger as a source of facts: the same bytes that are published.
 */
#ifndef NHI_LEDGER_FACT_H
#define NHI_LEDGER_FACT_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/state/fact.h"

/* Valid as long as the ledger is open; read within one transaction. */
struct nhi_fact_source nhi_ledger_source(struct nhi_ledger *l);

#endif
