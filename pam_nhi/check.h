/*
 * One decision: from what was shown or found to a reason, over the ledger as it is now.
 */
#ifndef PAM_NHI_CHECK_H
#define PAM_NHI_CHECK_H

#include "pam_nhi/caller.h"

struct pnhi_check {
    enum nhi_source source;
    const char *text;                /* an unverified ticket, or NULL */
    const struct nhi_ticket *ticket; /* one verified before, or NULL; both NULL: the ledger's own */
};

struct pnhi_verdict {
    enum nhi_reason reason;
    bool verified;            /* ticket is genuine, and may be named in a log or a record */
    struct nhi_ticket ticket;
    char rule[NHI_TASK_MAX + 1];
    char kid[NHI_KID_MAX + 1]; /* claimed by an unverified ticket; grammar checked; may be empty */
    char message[200];         /* of the ledger, when it is the ledger; may be empty */
};

void pnhi_check(const struct pnhi_caller *c, const struct pnhi_check *what, struct pnhi_verdict *out);

#endif
