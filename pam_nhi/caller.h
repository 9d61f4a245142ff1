/* SPDX-License-Identifier: ISC */
/*
 * Who the caller is, and whether nhi has to decide about that caller.
 *
 * None of this needs the ledger, except for root inside a session: people can log in when the ledger is missing or
 * broken.
 */
#ifndef PAM_NHI_CALLER_H
#define PAM_NHI_CALLER_H

#include <security/pam_modules.h>

#include "libnhi/grant/grant.h"
#include "pam_nhi/limits.h"
#include "pam_nhi/options.h"
#include "pam_nhi/standing.h"

struct pnhi_caller {
    enum pnhi_program program;
    bool debug;                               /* the option debug, for a longer log */
    const char *service, *user, *rhost, *tty; /* PAM's items; rhost and tty may be NULL */
    char subject[NHI_ACCOUNT_MAX + 1];        /* empty: it does not exist, or its name is too long for a ticket */
    uint32_t uid;                             /* of the subject */
    bool resolved;
    bool missing; /* the account does not exist, or sudo and the kernel disagree about the caller */
    bool in_range;
    bool in_session; /* inside a registered session: session holds its grant */
    struct nhi_grant session;
    enum nhi_reason over;      /* for root: why that session has ended; NHI_PERMIT: it has not */
    struct pnhi_limits limits; /* raised for callers of su and sudo, until the caller of pnhi_caller_find restores
                                  them; for a login, whose daemon root has started, they have yet to be */
    struct {
        bool asked;
        enum nhi_err err;
        int cause; /* errno of that */
        uint32_t uid_min, uid_max;
    } published; /* the range that nhictl has published */
    struct pnhi_marks marks;
    bool was_ours; /* ours in an earlier phase */
    enum pnhi_standing standing;
    bool ours;                          /* PNHI_OURS, or denied because it may be */
    enum nhi_reason denied;             /* the reason to deny, whatever is shown; NHI_PERMIT: none */
    const char *blind;                  /* what could not be read, in words for the log; NULL: nothing */
    int cause;                          /* errno of that; 0: none */
    bool limit;                         /* the cause is a limit that a caller can choose */
    char observed[NHI_ACCOUNT_MAX + 1]; /* an account that will take tickets only later, and is only observed now: the
                                           subject, or the caller of su; empty: neither */
};

/* PAM_SUCCESS, or the code that the module must return because a PAM item is missing. */
int pnhi_caller_find(pam_handle_t *pamh, const struct pnhi_options *options, struct pnhi_caller *out);
/* Whether an earlier phase of this transaction found a caller who is ours. */
bool pnhi_caller_was_ours(pam_handle_t *pamh);
/* Sets a mark that a phase has read itself. */
void pnhi_caller_see_grant(struct pnhi_caller *c, enum nhi_presence grant);
void pnhi_caller_see_key(struct pnhi_caller *c, enum nhi_presence key);
/* The cause of c->blind for the log: the limit by the name under which it is set, or the error. */
const char *pnhi_caller_cause(const struct pnhi_caller *c);

#endif
