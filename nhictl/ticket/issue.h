/* SPDX-License-Identifier: ISC */
/*
 * Issuing a ticket: the options, and the checks.
 */
#ifndef NHICTL_ISSUE_H
#define NHICTL_ISSUE_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_task.h"

struct ctl;
struct store;
struct out_row;

struct issue_args {
    const char *agent, *task, *host, *parent, *kid, *bind_key, *out, *from;
    bool force; /* out may exist */
    char accounts[NHI_LIST_MAX + 1], services[NHI_LIST_MAX + 1], ssh[NHI_LIST_MAX + 1];
    int64_t ttl, renewable;
    uint32_t uses;
    bool cert, no_pin;
    bool
        as_before; /* the same request for another task was checked in this transaction: accounts and policy allow it */
};

/* A ticket, and the issuer that signs it. */
struct issue_made {
    struct nhi_ticket t;
    struct nhi_issuer key;
};

/* Each returns CTL_DONE, or another exit code after reporting what is wrong. */
/* A complete ticket from the options, not yet bound to a key, and the issuer that may sign it. */
int issue_fill(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_ticket *t,
               struct nhi_issuer *key);
/* The words of args that t has bits for, and the service that --bind-key implies. */
int issue_words(struct ctl *c, struct issue_args *args, struct nhi_ticket *t);
/* issue_fill, and everything else that is checked before t is recorded. */
int issue_ready(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_ticket *t,
                struct nhi_issuer *key);
/* In the open transaction, with its event. */
int issue_record(struct ctl *c, struct store *s, const struct issue_args *args, const struct nhi_ticket *t);
/* Revokes a ticket that was recorded, and could not be written out. */
void issue_take_back(struct ctl *c, struct store *s, const struct nhi_ticket *t);
/* Whether key may sign it. */
int issue_allowed(struct ctl *c, const struct nhi_ticket *t, const struct nhi_issuer *key);
/* Whether its text is short enough for the programs that carry it. */
int issue_fits(struct ctl *c, const struct store *s, const struct nhi_ticket *t);
/* The event for a recorded ticket: kind "issue", "renew". */
NHI_CHECK enum nhi_err issue_event(struct ctl *c, struct store *s, const char *kind, const struct nhi_ticket *t,
                                   const char *renews);
/* Writes it to file, or to standard output; with a certificate beside the public key in cert_over, or NULL. */
int issue_hand_out(struct ctl *c, const struct nhi_ticket *t, const char *text, const char *file,
                   const char *cert_over);

#endif
