/* SPDX-License-Identifier: ISC */
/*
 * One decision: from what was shown or found to a reason, over the reserve and the ledger as they
 * are now. pam_nhi asks it in every phase, sshd's AuthorizedKeysCommand before them.
 */
#ifndef NHI_CHECK_H
#define NHI_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/check/moment.h"
#include "libnhi/policy/decide.h"

/* What is asked, and what was shown: at most one of a text, a ticket and a key; of none, the ledger is asked, with
 * NHI_FROM_LEDGER for the one live ticket, with NHI_FROM_KEY for the one that is bound to the key. */
struct nhi_shown {
    struct nhi_request asked; /* service, subject with its uid, and where; ticket: one verified before, its key proven
                                 then, where what renewed it since counts. The rest is found out. */
    const char *text;         /* an unverified ticket, or NULL */
    int64_t ahead;            /* seconds; 0: how a permit goes on is not asked */
    const struct nhi_grant *since; /* what opened the session that it is of, whose age does not hang on the clock; or
                                      NULL */
};

struct nhi_verdict {
    enum nhi_reason reason;
    bool verified; /* ticket is genuine, and may be named in a log or a record */
    struct nhi_ticket ticket;
    bool pinned, handed_off; /* the place matters; it is another than at first, and permitted */
    bool pin_records;        /* and would be, were it another */
    uint32_t ssh;            /* what ticket and policy take from a session by key: sshopt.h */
    char root[NHI_JTI_LEN + 1], root_kid[NHI_KID_MAX + 1], renews[NHI_JTI_LEN + 1]; /* as in a grant */
    char owner[NHI_OWNER_MAX + 1]; /* of its agent; empty where nobody looked */
    char rule[NHI_TASK_MAX + 1];
    uint32_t max_grants;             /* of that rule, in 3,600 seconds; 0: as many as come */
    char policy[NHI_POLICY_LEN + 1]; /* hash of the policy that was asked */
    char kid[NHI_KID_MAX + 1];       /* claimed by an unverified ticket; grammar checked; may be empty */
    int64_t until;                   /* of a permit, as nhi_permit_until says */
    int64_t over_at; /* when what a ticket given as such opened is over by itself, by the wall clock; 0: unknown */
    int64_t then;    /* of a permit, when ahead was given: as nhi_permit_ahead says */
    enum nhi_reason why;
    char message[NHI_MESSAGE_MAX]; /* of the ledger, when it is the ledger; may be empty */
};

void nhi_check(const struct nhi_shown *what, struct nhi_verdict *out);

/* The same for many at once, over one moment. Where that could not be read, each is denied for it. Something is shown,
 * or the ledger asked for it. */
void nhi_check_at(const struct nhi_moment *m, const struct nhi_shown *what, struct nhi_verdict *out);

/* Whether what the ticket opened is over, or what renewed it: out->reason is why, or NHI_PERMIT, as nhi_is_over says.
 * Nobody's account is looked up. Of what cannot be read nothing is known. what: with a ticket. */
void nhi_check_over(const struct nhi_moment *m, const struct nhi_shown *what, struct nhi_verdict *out);
/* Whether what is done inside of that session is permitted now. ahead: as in nhi_shown. */
void nhi_check_session(const struct nhi_moment *m, const struct nhi_grant *session, int64_t ahead,
                       struct nhi_verdict *out);

/* Whether some live key-bound ticket would open the account, to whoever proves its key, or might
 * come with a certificate of another issuer. For the moments in which sshd has seen a key and does
 * not say which: what is permitted here has to be decided when it does. */
void nhi_check_any_key(const struct nhi_request *of, struct nhi_verdict *out);

/* Why a key, with the ticket that came with it or without one, is refused, for whoever has to find out: fills in what
 * nhi_check left open, the ticket that it was bound to last, and what became of that. known: by a ticket here, or since
 * one was used with it for this account. Permits nothing. */
void nhi_check_refused(const struct nhi_shown *what, struct nhi_verdict *v, bool *known);

/* Whether any ticket of this ledger, of whatever state, was ever bound to key: then it is no
 * person's at an account that agents share. One that no ticket ever named is a person's own:
 * somebody who gets a person's public key bound must not lock them out. NHI_ERR_NOT_FOUND: none was. Any other
 * error: that could not be read. A host without a ledger never bound one. */
NHI_CHECK enum nhi_err nhi_key_was_bound(const uint8_t key[NHI_PK_LEN], const char *account);

#endif
