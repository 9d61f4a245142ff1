/* SPDX-License-Identifier: ISC */
/*
 * Reports to the host program and its log. The log gets the reason, the prompt never does.
 */
#ifndef PAM_NHI_REPORT_H
#define PAM_NHI_REPORT_H

#include "libnhi/check/check.h"
#include "pam_nhi/caller.h"

enum pnhi_phase { PNHI_AUTH, PNHI_ACCOUNT, PNHI_CRED, PNHI_SESSION, PNHI_PASSWORD };

/* The PAM code for a decision about someone who is ours: PAM_SUCCESS for a permit only. */
int pnhi_pam_code(enum nhi_reason reason, enum pnhi_phase phase);
/* The PAM code for whoever must not go on, for whatever reason: one that the host programs obey. */
int pnhi_refused(enum pnhi_phase phase);
/* The PAM code for someone who is not ours: the stack goes on without us. */
int pnhi_not_ours(enum pnhi_phase phase);

/* What could not be found out about somebody who is let be, once in a transaction. */
void pnhi_log_blind(pam_handle_t *pamh, const struct pnhi_caller *c);
/* Root became c->user. */
void pnhi_log_become(pam_handle_t *pamh, const struct pnhi_caller *c);
/* Of a session that was let be: what would have been decided. */
void pnhi_log_observed(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
                       const struct nhi_verdict *v);
/* How many denials of that kind were counted in this hour, with this one; 0: it has a record, or nobody can say. The
 * first PNHI_LINES are said, unless as many of that ticket have a record and were said then; from there on, whenever
 * their number has doubled. */
#define PNHI_LINES 64
struct pnhi_times {
    uint64_t counted;
    bool recorded; /* others of that ticket were, so many that this one was not */
};
void pnhi_log(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
              const struct nhi_verdict *v, struct pnhi_times times);

#endif
