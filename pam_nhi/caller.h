/* SPDX-License-Identifier: ISC */
/*
 * Who is calling, and whether nhi has to decide about that caller.
 *
 * None of it needs the ledger, but for root inside a session: people's logins go on when the ledger is missing or
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
    bool debug;                               /* the options ask for more words in the log */
    const char *service, *user, *rhost, *tty; /* PAM's; rhost and tty may be NULL */
    char subject[NHI_ACCOUNT_MAX + 1];        /* empty: does not resolve, or has a longer name than a ticket can say */
    uint32_t uid;                             /* of the subject */
    bool resolved;
    bool missing; /* there is no such account, or sudo and the kernel disagree on who calls */
    bool in_range;
    bool in_session; /* inside a registered session: session holds its grant */
    struct nhi_grant session;
    enum nhi_reason over;      /* root's: why that session is not to go on; NHI_PERMIT: it is */
    struct pnhi_limits limits; /* raised from pnhi_caller_find on, until whoever called that puts them back */
    struct pnhi_marks marks;
    bool was_ours; /* in an earlier phase */
    enum pnhi_standing standing;
    bool ours;                          /* PNHI_OURS, or denied for what it may be */
    enum nhi_reason denied;             /* whatever is shown; NHI_PERMIT: not so */
    const char *blind;                  /* what could not be found out, in words for the log; NULL: nothing */
    int cause;                          /* its errno; 0: none */
    bool limit;                         /* a limit that a caller can choose is why */
    char observed[NHI_ACCOUNT_MAX + 1]; /* that is to take tickets only one day, and is let be until then: the
                                           subject, or who calls su; empty: neither */
};

/* PAM_SUCCESS, or the code with which the module has to end: a PAM item that has to be there is not. */
int pnhi_caller_find(pam_handle_t *pamh, const struct pnhi_options *options, struct pnhi_caller *out);
/* A mark that a phase has looked at itself. */
void pnhi_caller_see_grant(struct pnhi_caller *c, enum nhi_presence grant);
void pnhi_caller_see_key(struct pnhi_caller *c, enum nhi_presence key);
/* What to say of c->blind: the limit by the name under which it is set, or the error. */
const char *pnhi_caller_cause(const struct pnhi_caller *c);

#endif
