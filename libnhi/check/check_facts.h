/*
 * Facts that are in no ledger: pins, what is counted, the supervisor.
 */
#ifndef NHI_CHECK_FACTS_H
#define NHI_CHECK_FACTS_H

#include "libnhi/check/check.h"
#include "libnhi/ledger/ledger_tie.h"

/* What the decision knows from elsewhere than the ledger: where the ticket was first used, and how
 * much its rules have given. */
void nhi_pins_load(const struct nhi_request *req, struct nhi_facts *f);
void nhi_counts_load(int64_t now, struct nhi_facts *f);
/* Whether nobody is there, where somebody has to be. */
void nhi_supervisor_load(struct nhi_facts *f);
/* Whether the ledger is that of this host, as it was last: ledger.h. */
void nhi_fit_load(enum nhi_fit fit, struct nhi_facts *f);

#endif
