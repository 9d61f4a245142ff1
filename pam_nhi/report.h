/* SPDX-License-Identifier: ISC */
/*
 * Reports to the host program and its log. The log shows the reason, the prompt never does.
 */
#ifndef PAM_NHI_REPORT_H
#define PAM_NHI_REPORT_H

#include "libnhi/check/check.h"
#include "pam_nhi/caller.h"

enum pnhi_phase { PNHI_AUTH, PNHI_ACCOUNT, PNHI_CRED, PNHI_SESSION, PNHI_PASSWORD };

/* The PAM code for a decision about a caller who is ours: PAM_SUCCESS only for a permit. */
int pnhi_pam_code(enum nhi_reason reason, enum pnhi_phase phase);
/* The PAM code for a denial, for any reason: one that the host programs obey. */
int pnhi_refused(enum pnhi_phase phase);
/* The PAM code for a caller who is not ours: the stack continues without us. */
int pnhi_not_ours(enum pnhi_phase phase);

/* Logs what could not be read about a caller who is not ours, once in a transaction. */
void pnhi_log_blind(pam_handle_t *pamh, const struct pnhi_caller *c);
/* What c did has no record, because of why. */
void pnhi_log_unrecorded(pam_handle_t *pamh, const struct pnhi_caller *c, const char *why);
/* Root became c->user. */
void pnhi_log_become(pam_handle_t *pamh, const struct pnhi_caller *c);
/* Logs how a session of an observed account would have been decided. */
void pnhi_log_observed(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
                       const struct nhi_verdict *v);
/* How many denials of that kind were counted in this hour, this one included; 0: it has a record of its own, or the
 * number is not known. The first PNHI_LINES are logged, unless as many of that ticket have a record and were logged
 * then; after that, each time the number has doubled. */
#define PNHI_LINES 64
struct pnhi_times {
    uint64_t counted;
    bool recorded; /* so many of that ticket have a record that this one has none */
};
void pnhi_log(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
              const struct nhi_verdict *v, struct pnhi_times times);

#endif
