/*
 * What the ledger knows that a decision needs.
 */
#ifndef NHI_LEDGER_FACTS_H
#define NHI_LEDGER_FACTS_H

#include "libnhi/ledger/ledger.h"

/* Everything that the decision about t may know, in one read transaction; of rules at least those that req, which
 * is all there but for them, could meet, now or later, less those of which another says it all; NULL: those that t
 * could, whatever is asked. They belong to the facts: release with nhi_facts_free. Also finds what is unknown: that
 * is no error. */
NHI_CHECK enum nhi_err nhi_facts_load(struct nhi_ledger *l, const struct nhi_ticket *t, const struct nhi_request *req,
                                      int64_t now, struct nhi_facts *out);
/* The agent that has the subject's name, into facts that were loaded without a request. */
NHI_CHECK enum nhi_err nhi_facts_load_subject(struct nhi_ledger *l, const char *subject, struct nhi_facts *f);
/* The same as nhi_facts_load without rules, for whoever brings others. */
NHI_CHECK enum nhi_err nhi_facts_load_bare(struct nhi_ledger *l, const struct nhi_ticket *t, struct nhi_facts *out);
void nhi_facts_free(struct nhi_facts *f);

#endif
