/* SPDX-License-Identifier: ISC */
/*
 * Accounts of this host, cached for verbs that ask for the same few repeatedly.
 */
#ifndef NHICTL_ACCOUNT_LOOKUP_H
#define NHICTL_ACCOUNT_LOOKUP_H

#include "libnhi/check/privileged.h"

struct ctl;

/* The number of an agent's own account, by what is published, or by the ledger where that cannot be read: whoever else
 * has its name has another. No source of accounts is asked. false: no such agent, as far as is known. */
bool account_uid_of_agent(const char *agent, uint32_t *uid);

/* What nhi_host_account_by_name says, asked once for each name as long as c->now stands still: one answer takes
 * a lookup of every privileged group. Failures are asked again. */
NHI_CHECK enum nhi_err account_by_name(const struct ctl *c, const char *name, struct nhi_host_account *out);

#endif
