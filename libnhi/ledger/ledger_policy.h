/* SPDX-License-Identifier: ISC */
/*
 * Policy in the ledger: every version that was ever in force is kept, since events name them by their hash.
 */
#ifndef NHI_LEDGER_POLICY_H
#define NHI_LEDGER_POLICY_H

#include "libnhi/ledger/ledger.h"

/* Replaces the policy in force, which is kept. hash: NHI_POLICY_LEN characters. NHI_ERR_ARG: a rule that matches
 * nobody, or that is not well-formed. */
NHI_CHECK enum nhi_err nhi_policy_replace(struct nhi_ledger *l, const struct nhi_rule *rules, size_t count,
                                          const char *hash, int64_t now);
/* For the policy in force: from at on, the zone is this many seconds ahead of UTC; NULL: unknown. */
NHI_CHECK enum nhi_err nhi_policy_add_zone(struct nhi_ledger *l, const char *zone, int64_t at, const int32_t *ahead);
/* version 0: the one in force. The rules by name, with the offsets of their zones at now; allocated, the caller frees
 * them. */
NHI_CHECK enum nhi_err nhi_policy_load(struct nhi_ledger *l, int64_t version, int64_t now, struct nhi_rule **rules,
                                       size_t *count);
/* NHI_ERR_NOT_FOUND: no policy with that hash, or version, was ever in force. */
NHI_CHECK enum nhi_err nhi_policy_version(struct nhi_ledger *l, const char *hash, int64_t *version);
NHI_CHECK enum nhi_err nhi_policy_hash(struct nhi_ledger *l, int64_t version, char hash[NHI_POLICY_LEN + 1]);
NHI_CHECK enum nhi_err nhi_policy_count(struct nhi_ledger *l, int64_t *rules);

/* The rules in force at now that could match some ticket of the agent, whatever it is used for. Sets the rules of f. */
NHI_CHECK enum nhi_err nhi_sql_rules(struct nhi_ledger *l, const char *agent, int64_t now, struct nhi_facts *f);

#endif
