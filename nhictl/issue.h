/*
 * Issuing a ticket: the options, and the checks.
 */
#ifndef NHICTL_ISSUE_H
#define NHICTL_ISSUE_H

#include "libnhi/ledger.h"

struct ctl;
struct store;
struct out_row;

struct issue_args {
    const char *agent, *task, *host, *parent, *kid, *bind_key, *out;
    char accounts[NHI_LIST_MAX + 1], services[NHI_LIST_MAX + 1], ssh[NHI_LIST_MAX + 1];
    int64_t ttl, renewable;
    uint32_t uses;
    bool cert, no_pin;
};

/* Each returns CTL_DONE, or another exit code after saying what is wrong. */
/* A whole ticket from the options, without a key that it is bound to, and the issuer that may sign
 * it. */
int issue_fill(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_ticket *t,
               struct nhi_issuer *key);
/* Whether key may sign it. */
int issue_allowed(struct ctl *c, const struct nhi_ticket *t, const struct nhi_issuer *key);
/* Whether its text is short enough for the programs that carry it. */
int issue_fits(struct ctl *c, const struct store *s, const struct nhi_ticket *t);
/* The event of one that was recorded: kind "issue", "renew". */
NHI_CHECK enum nhi_err issue_event(struct ctl *c, struct store *s, const char *kind,
                                   const struct nhi_ticket *t, const char *renews);
/* Into file, or to standard output; with a certificate beside the public key in cert_over, or NULL.
 */
int issue_hand_out(struct ctl *c, const struct nhi_ticket *t, const char *text, const char *file,
                   const char *cert_over);

int issue_agent(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_agent *a);
int issue_task(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_task *t);
int issue_key(struct ctl *c, struct store *s, const struct issue_args *args,
              struct nhi_issuer *key);
int issue_ttl(struct ctl *c, const struct store *s, int64_t ttl, int64_t iat,
              const struct nhi_task *t, const struct nhi_issuer *key);
int issue_accounts(struct ctl *c, struct store *s, const struct issue_args *args, const char *host);
/* Whether this host's policy could ever permit each account and service that t names. */
int issue_policy(struct ctl *c, struct store *s, const struct nhi_ticket *t);
/* When the last of the parent's lineage ends, or INT64_MAX where parent is empty. */
int issue_parent(struct ctl *c, struct store *s, const char *parent, int64_t *end);
/* A child does not outlive its parent: t ends with that one where no lifetime was asked for. */
int issue_within_parent(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_ticket *t);
/* The Ed25519 key in a .pub file, which that option named. */
int bind_read_key(struct ctl *c, const char *option, const char *file, uint8_t pk[NHI_PK_LEN]);
/* The same, into t, and whether a certificate may stand beside it. Whose file it is may make
 * us wait for it as long as he likes: call it before the ledger is taken. file NULL: not bound. */
int issue_bind(struct ctl *c, const char *file, bool cert, struct nhi_ticket *t);
/* Beside that file: a certificate over the key that carries the ticket. */
int issue_cert(struct ctl *c, const struct nhi_ticket *t, const char *text, const char *pub);
void issue_cert_remove(struct ctl *c, const char *pub);
/* Whether no other live ticket is bound to t's key for one of its accounts and services. */
int bind_check(struct ctl *c, struct store *s, const struct nhi_ticket *t);
int issue_revoked_ahead(struct ctl *c, int64_t iat);

#endif
