/* SPDX-License-Identifier: ISC */
/*
 * The facts from the ledger that a decision needs.
 */
#ifndef NHI_LEDGER_FACTS_H
#define NHI_LEDGER_FACTS_H

#include "libnhi/ledger/ledger.h"

/* Everything recorded about t, and about this host if t is NULL, in one read transaction; without rules
 * (ledger_policy.h). What is unknown is not an error. Only gather.c uses it for decisions. */
NHI_CHECK enum nhi_err nhi_facts_load(struct nhi_ledger *l, const struct nhi_ticket *t, struct nhi_facts *out);
/* The rules. */
void nhi_facts_free(struct nhi_facts *f);

#endif
