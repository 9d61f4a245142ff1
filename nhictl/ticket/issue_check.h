/* SPDX-License-Identifier: ISC */
/*
 * What issue refuses before it signs: requests that would only be denied later.
 */
#ifndef NHICTL_ISSUE_CHECK_H
#define NHICTL_ISSUE_CHECK_H

#include "nhictl/ticket/issue.h"

/* Each returns CTL_DONE, or another exit code after reporting what is wrong. */

int issue_agent(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_agent *a);
int issue_task(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_task *t);
int issue_ttl(struct ctl *c, const struct store *s, const struct nhi_ticket *t, const struct nhi_task *task,
              const struct nhi_issuer *key);
int issue_accounts(struct ctl *c, struct store *s, const struct issue_args *args, const char *host);
/* When the last ticket of the parent's lineage ends, or INT64_MAX if parent is empty. */
int issue_parent(struct ctl *c, struct store *s, const char *parent, int64_t *end);
/* A child does not outlive its parent: t ends with it if no lifetime was given. */
int issue_within_parent(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_ticket *t);
/* Whether it would already be revoked, which happens only after the clock was set back. */
int issue_revoked_ahead(struct ctl *c, int64_t iat);

#endif
