/*
 * Issuing a ticket: the options, and the checks.
 */
#ifndef NHICTL_ISSUE_H
#define NHICTL_ISSUE_H

#include "libnhi/ledger.h"

struct ctl;
struct store;

struct issue_args {
    const char *agent, *task, *host, *parent, *kid, *bind_key, *out;
    char accounts[NHI_LIST_MAX + 1], services[NHI_LIST_MAX + 1];
    int64_t ttl;
    uint32_t uses;
    bool cert;
};

/* Each returns CTL_DONE, or another exit code after saying what is wrong. */
int issue_agent(struct ctl *c, struct store *s, struct nhi_agent *a);
int issue_task(struct ctl *c, struct store *s, struct nhi_task *t);
int issue_key(struct ctl *c, struct store *s, struct nhi_issuer *key);
int issue_ttl(struct ctl *c, int64_t ttl, int64_t iat, const struct nhi_task *t,
              const struct nhi_issuer *key);
int issue_accounts(struct ctl *c, struct store *s, const char *host);
int issue_parent(struct ctl *c, struct store *s, const char *parent);
/* The key of --bind-key, into t. */
int issue_bind(struct ctl *c, struct store *s, struct nhi_ticket *t);
/* With --cert, beside the key: a certificate over it that carries the ticket. */
int issue_cert(struct ctl *c, const struct nhi_ticket *t, const char *text);
/* Whether no other live ticket is bound to t's key for one of its accounts and services. */
int bind_check(struct ctl *c, struct store *s, const struct nhi_ticket *t);
int issue_revoked_ahead(struct ctl *c, int64_t iat);

#endif
