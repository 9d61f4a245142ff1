/* SPDX-License-Identifier: ISC */
/*
 * The facts of a decision, gathered in one place for all callers: pam_nhi, sshd's helper, the supervisor, and the
 * previews of nhictl.
 *
 * In two steps. The first gathers what is known of a ticket, whoever shows it: enough to decide whether its session has
 * ended, and it waits for nobody. The second gathers what is known of this use of it, and may ask sources of accounts
 * that others can hold up.
 */
#ifndef NHI_GATHER_H
#define NHI_GATHER_H

#include "libnhi/check/memo.h"
#include "libnhi/check/moment.h"
#include "libnhi/check/privileged.h"
#include "libnhi/grant/grant.h"

/* The look-ups. Each may fail only in the ways that are described here; ctx is the caller's. */
struct nhi_lookups {
    /* Everything recorded about the ticket, its issuer, agent, task and ancestors, and about this host; t may be NULL.
     * What is unknown is not an error. */
    enum nhi_err (*ticket)(const struct nhi_moment *m, void *ctx, const struct nhi_ticket *t, struct nhi_facts *f);
    /* At least the rules that could match the request. */
    enum nhi_err (*rules)(const struct nhi_moment *m, void *ctx, const struct nhi_request *r, struct nhi_facts *f);
    /* The uid of the agent that has the same name as the account; 0: no agent has it. */
    enum nhi_err (*namesake)(const struct nhi_moment *m, void *ctx, const char *account, uint32_t *uid);
    /* Whether the ticket that renewed this one was used: true if that is not known. */
    bool (*superseded)(void *ctx, const char *jti);
    /* The account, by its name and the uid in the request. NHI_ERR_NOT_FOUND: it does not exist; NHI_ERR_BUSY: the
     * same, but some source gave no answer. */
    enum nhi_err (*account)(void *ctx, const struct nhi_request *r, const struct nhi_facts *f,
                            struct nhi_host_account *out);
    /* Where a ticket was first used, among places of this kind. NHI_ERR_NOT_FOUND: it was not. */
    enum nhi_err (*pin)(void *ctx, const char *kid, const char *jti, enum nhi_pin kind, char place[NHI_PLACE_MAX + 1]);
    /* How much of a rule is used up: open sessions, and grants of the last hour. A number of sessions below most need
     * not be exact, but they are not more. */
    enum nhi_err (*sessions)(void *ctx, const char *rule, uint32_t most, uint32_t *n);
    enum nhi_err (*grants)(void *ctx, const char *rule, int64_t now, uint32_t *n);
    bool (*supervised)(void *ctx);
};
extern const struct nhi_lookups nhi_lookups_of_host; /* the real look-ups of this host; ctx: NULL */

struct nhi_gathering {
    const struct nhi_moment *m;
    const struct nhi_lookups *how;
    void *ctx;
    struct nhi_memo *memo;           /* NULL: nothing is kept */
    struct nhi_host_account account; /* the last account: looked up once for all tickets that could concern it */
    enum nhi_err account_err;
    bool has_account;
    char message[NHI_MESSAGE_MAX]; /* what failed, or is doubtful; may be empty */
};

/* Gathers into f, which you release with nhi_facts_free, whatever is returned. NHI_PERMIT: go on; anything else is the
 * decision. t: the ticket, or NULL. */
enum nhi_reason nhi_gather_ticket(struct nhi_gathering *g, const struct nhi_ticket *t, struct nhi_facts *f);
/* The facts of request r, which is complete except for what is looked up here: the account's uid and groups. pinned:
 * whether the place matters. */
enum nhi_reason nhi_gather_use(struct nhi_gathering *g, struct nhi_request *r, struct nhi_facts *f, bool *pinned);

#endif
