/* SPDX-License-Identifier: ISC */
/*
 * Policy in the ledger: every version that was ever in force, since events name them by their hash.
 */
#ifndef NHI_LEDGER_POLICY_H
#define NHI_LEDGER_POLICY_H

#include "libnhi/ledger/ledger.h"

/* Replaces the policy in force; what was before is kept. hash: of NHI_POLICY_LEN characters. NHI_ERR_ARG: a
 * rule that matches nobody, or that is not well-formed. */
NHI_CHECK enum nhi_err nhi_policy_replace(struct nhi_ledger *l, const struct nhi_rule *rules, size_t count,
                                          const char *hash, int64_t now);
/* Of the policy in force: from at on, the zone is so many seconds ahead of UTC; NULL: nobody knows. */
NHI_CHECK enum nhi_err nhi_policy_add_zone(struct nhi_ledger *l, const char *zone, int64_t at, const int32_t *ahead);
/* version 0: the one in force. The rules by name, with their zones as of now; new, the caller's to free. */
NHI_CHECK enum nhi_err nhi_policy_load(struct nhi_ledger *l, int64_t version, int64_t now, struct nhi_rule **rules,
                                       size_t *count);
/* NHI_ERR_NOT_FOUND: there was none of that hash, or version. */
NHI_CHECK enum nhi_err nhi_policy_version(struct nhi_ledger *l, const char *hash, int64_t *version);
NHI_CHECK enum nhi_err nhi_policy_hash(struct nhi_ledger *l, int64_t version, char hash[NHI_POLICY_LEN + 1]);
NHI_CHECK enum nhi_err nhi_policy_count(struct nhi_ledger *l, int64_t *rules);

/* The rules in force at now that a ticket of agent could meet, with req as it is; NULL: whatever is asked. One may
 * be there more than once. Into f, of which the rest is known. */
NHI_CHECK enum nhi_err nhi_sql_rules(struct nhi_ledger *l, const char *agent, const struct nhi_request *req,
                                     int64_t now, struct nhi_facts *f);

#endif
