/*
 * Who is asking, and whether that is any of our business.
 *
 * None of it needs the ledger: people's logins go on when the ledger is missing or broken.
 */
#ifndef PAM_NHI_CALLER_H
#define PAM_NHI_CALLER_H

#include <security/pam_modules.h>

#include "libnhi/grant.h"
#include "pam_nhi/options.h"

enum pnhi_program {
    PNHI_LOGIN, /* sshd, cron, atd, units: root becomes PAM_USER */
    PNHI_SUDO,  /* the subject is the caller, in every phase */
    PNHI_SU,    /* a caller who is not root becomes PAM_USER */
};

struct pnhi_caller {
    enum pnhi_program program;
    const char *service, *user, *rhost, *tty; /* PAM's; rhost and tty may be NULL */
    char subject[NHI_ACCOUNT_MAX + 1];        /* empty: does not resolve */
    uint32_t uid;                             /* of the subject */
    bool resolved;
    bool in_range;
    bool in_session; /* inside a registered session: session holds its grant */
    struct nhi_grant session;
    bool ours;
    char observed[NHI_ACCOUNT_MAX + 1]; /* that is to take tickets only one day, and is let be until then: the
                                           subject, or who calls su; empty: neither */
    bool broken; /* ours, and something that a decision needs could not be found out */
};

/* PAM_SUCCESS, or the code with which the module has to end: a PAM item that has to be there is not. */
int pnhi_caller_find(pam_handle_t *pamh, const struct pnhi_options *options, struct pnhi_caller *out);

#endif
