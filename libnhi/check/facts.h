/* SPDX-License-Identifier: ISC */
/*
 * The recorded facts that a decision needs, from the published state or from the ledger. Only gather.c uses this for
 * decisions.
 */
#ifndef NHI_FACTS_H
#define NHI_FACTS_H

#include "libnhi/policy/decide.h"
#include "libnhi/state/fact.h"

/* What is recorded about t, and about this host if t is NULL; without rules. What is unknown is not an error. */
NHI_CHECK enum nhi_err nhi_facts_load(const struct nhi_fact_source *from, const struct nhi_ticket *t,
                                      struct nhi_facts *out);
/* Adds the rules in force at now that could match a ticket of agent with request r to f, whose other members are known.
 * A rule may be in the result more than once. */
NHI_CHECK enum nhi_err nhi_facts_rules(const struct nhi_fact_source *from, const char *agent,
                                       const struct nhi_request *r, int64_t now, struct nhi_facts *f);
/* The rules. */
void nhi_facts_free(struct nhi_facts *f);

#endif
