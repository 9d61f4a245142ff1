/* SPDX-License-Identifier: ISC */
/*
 * Accounts of this host, cached for verbs that ask for the same few repeatedly.
 */
#ifndef NHICTL_ACCOUNT_LOOKUP_H
#define NHICTL_ACCOUNT_LOOKUP_H

#include "libnhi/check/privileged.h"

struct ctl;

/* The uid of an agent's own account, from the snapshot, or if that cannot be read from the ledger; another account with
 * the same name has another uid. Asks no source of accounts. false: no such agent is known. */
bool account_uid_of_agent(const char *agent, uint32_t *uid);

/* The answer of nhi_host_account_by_name, which is asked once for each name as long as c->now stays the same, since one
 * answer takes a lookup of every privileged group. Failures are not cached. */
NHI_CHECK enum nhi_err account_by_name(const struct ctl *c, const char *name, struct nhi_host_account *out);

#endif
