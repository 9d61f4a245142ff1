/* SPDX-License-Identifier: ISC */
/*
 * What a decision asks, asked of the ledger.
 */
#ifndef TESTS_ASKED_H
#define TESTS_ASKED_H

#include "libnhi/check/facts.h"
#include "libnhi/check/find.h"
#include "libnhi/check/key_bound.h"
#include "libnhi/ledger/ledger_fact.h"

static inline enum nhi_err ask_facts(struct nhi_ledger *l, const struct nhi_ticket *t, struct nhi_facts *f)
{
    const struct nhi_fact_source from = nhi_ledger_source(l);

    return nhi_facts_load(&from, t, f);
}

static inline enum nhi_err ask_rules(struct nhi_ledger *l, const char *agent, const struct nhi_request *r, int64_t now,
                                     struct nhi_facts *f)
{
    const struct nhi_fact_source from = nhi_ledger_source(l);

    return nhi_facts_rules(&from, agent, r, now, f);
}

static inline enum nhi_err ask_ticket_for(struct nhi_ledger *l, const char *account, const char *service, int64_t now,
                                          struct nhi_ticket *out)
{
    const struct nhi_fact_source from = nhi_ledger_source(l);

    return nhi_find_for(&from, account, service, now, out);
}

static inline enum nhi_err ask_for_key(struct nhi_ledger *l, const struct nhi_request *asked, int64_t now,
                                       struct nhi_ticket *out)
{
    const struct nhi_fact_source from = nhi_ledger_source(l);

    return nhi_find_for_key(&from, asked, now, out);
}

static inline enum nhi_err ask_each_key(struct nhi_ledger *l, const struct nhi_request *asked, int64_t now,
                                        int (*fn)(const struct nhi_ticket *, void *), void *ctx)
{
    const struct nhi_fact_source from = nhi_ledger_source(l);

    return nhi_find_each_key(&from, asked, now, fn, ctx);
}

static inline enum nhi_err ask_any_of_key(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN], const char *account,
                                          bool *any)
{
    const struct nhi_fact_source from = nhi_ledger_source(l);

    return nhi_find_any_of_key(&from, key, account, any);
}

#endif
