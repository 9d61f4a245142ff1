/* SPDX-License-Identifier: ISC */
/*
 * One decision: from what was shown or found to a reason, over the reserve and the ledger as they
 * are now. pam_nhi asks it in every phase, sshd's AuthorizedKeysCommand before them.
 */
#ifndef NHI_CHECK_H
#define NHI_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/check/memo.h"
#include "libnhi/check/moment.h"
#include "libnhi/policy/decide.h"

/* What is asked, and what was shown: at most one of a text, a ticket and a key. If nothing was shown, the ledger is
 * asked: with NHI_FROM_LEDGER for the one live ticket, with NHI_FROM_KEY for the one that is bound to the key. */
struct nhi_shown {
    /* service, subject with its uid, and where; ticket: one that was verified earlier, when its key was proven, and for
     * which the ticket that renewed it counts. The rest is looked up. */
    struct nhi_request asked;
    const char *text; /* an unverified ticket, or NULL */
    /* The facts that an earlier phase of the same login has read, for this ticket or another one, and those of this
     * decision then; or NULL. */
    struct nhi_memo *memo;
    int64_t ahead; /* seconds; 0: the future of a permit is not asked for */
    /* The grant that opened the session, whose age does not depend on the clock; or NULL. */
    const struct nhi_grant *since;
};

struct nhi_verdict {
    enum nhi_reason reason;
    bool verified; /* ticket is genuine, and may be named in a log or a record */
    struct nhi_ticket ticket;
    bool pinned, handed_off; /* the place matters; it is not the first one, and was permitted */
    bool pin_records;        /* a use from another place would be permitted */
    bool unflushed;          /* as in the facts */
    uint32_t ssh;            /* what ticket and policy take away from a session by key: sshopt.h */
    char root[NHI_JTI_LEN + 1], root_kid[NHI_KID_MAX + 1], renews[NHI_JTI_LEN + 1]; /* as in a grant */
    char owner[NHI_OWNER_MAX + 1]; /* the agent's owner; empty: not looked up */
    char rule[NHI_TASK_MAX + 1];
    uint32_t max_grants;             /* of that rule, in 3,600 seconds; 0: without a limit */
    char policy[NHI_POLICY_LEN + 1]; /* hash of the policy that was used */
    char kid[NHI_KID_MAX + 1];       /* as an unverified ticket claims it, with its grammar checked; may be empty */
    int64_t until;                   /* of a permit, as nhi_permit_until returns it */
    int64_t over_at; /* when a session of the shown ticket ends if nothing is written, by the wall clock; 0: unknown */
    int64_t then;    /* of a permit, when ahead was given: as nhi_permit_ahead returns it */
    enum nhi_reason why;
    char message[NHI_MESSAGE_MAX]; /* of the ledger, if that failed; may be empty */
};

void nhi_check(const struct nhi_shown *what, struct nhi_verdict *out);

/* The same for many requests at one moment. If the moment could not be read, each is denied for that reason. Something
 * is shown, or the request is to ask the ledger. */
void nhi_check_at(const struct nhi_moment *m, const struct nhi_shown *what, struct nhi_verdict *out);

/* Whether the session of a ticket has ended, or that of the ticket that renewed it: out->reason is why, or NHI_PERMIT,
 * as nhi_is_over returns it. No account is looked up. What cannot be read counts as unknown. what: has a ticket. */
void nhi_check_over(const struct nhi_moment *m, const struct nhi_shown *what, struct nhi_verdict *out);
/* Whether that session is permitted to do anything now. ahead: as in nhi_shown. */
void nhi_check_session(const struct nhi_moment *m, const struct nhi_grant *session, int64_t ahead,
                       struct nhi_verdict *out);

/* Whether some live key-bound ticket would open the account if its key is proven, or whether a certificate of another
 * issuer might. For the time when sshd has seen a key and does not say which one: a permit has to be decided again when
 * it does. */
void nhi_check_any_key(const struct nhi_request *of, struct nhi_verdict *out);

/* For the investigation of a denial: why a key is refused, with or without a ticket beside it. Fills in what nhi_check
 * left open: the ticket that the key was last bound to, and what happened to that. known: the key is known from a
 * ticket here, or because a ticket was used with it for this account. Permits nothing. */
void nhi_check_refused(const struct nhi_shown *what, struct nhi_verdict *v, bool *known);

#endif
