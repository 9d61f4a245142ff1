/* SPDX-License-Identifier: ISC */
/*
 * One PAM transaction is one use: the first phase that decides commits the grant, later ones find it and
 * decide again.
 */
#ifndef PAM_DECIDE_TRANSACTION_H
#define PAM_DECIDE_TRANSACTION_H

#include "pam_nhi/report.h"

/* The grant of this transaction: kept with the PAM handle, or, in sshd's monitor, made by the child in which sshd had
 * us authenticate, and which left its ID in the PAM environment. NHI_ERR_NOT_FOUND: none. Other errors: it exists. */
NHI_CHECK enum nhi_err pnhi_transaction_find(pam_handle_t *pamh, const struct pnhi_caller *c, struct nhi_grant *out);

/* Commits the grant and keeps it. If it cannot, changes a permit to NHI_DENY_USES, NHI_DENY_RECORD or
 * NHI_DENY_INTERNAL. Records the denial of a verified ticket as far as possible; returns the counts of that, and
 * nothing for a permit. */
struct pnhi_times pnhi_transaction_commit(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
                                          struct nhi_verdict *v);

/* The program uses the grant, as far as we know. */
void pnhi_transaction_begun(pam_handle_t *pamh);

/* Records the denial of a verified ticket if possible, or else counts it. */
struct pnhi_times pnhi_transaction_deny(const struct pnhi_caller *c, const struct nhi_shown *what,
                                        const struct nhi_verdict *v);

/* Records, if possible, how it would have been decided if the observed account accepted tickets only. */
void pnhi_transaction_observe(const struct pnhi_caller *c, const struct nhi_shown *what, const struct nhi_verdict *v);

/* Root continues, inside a session or to an agent's account: recorded, if possible, and logged once an hour for each
 * account, service and session. */
void pnhi_transaction_become(pam_handle_t *pamh, const struct pnhi_caller *c);

/* Registers the session that the grant opens, unless the caller is inside it already. */
enum nhi_reason pnhi_transaction_register(const struct pnhi_caller *c, const struct nhi_grant *g);

/* For a registered session that is denied: how it ends, once its process has ended or the supervisor ends it. */
void pnhi_transaction_say_why(const struct nhi_grant *g, enum nhi_reason reason);

/* Removes the handle of this process, if this transaction registered one. */
void pnhi_transaction_close(pam_handle_t *pamh);

#endif
