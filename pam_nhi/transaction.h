/* SPDX-License-Identifier: ISC */
/*
 * One PAM transaction is one use: the first phase that decides commits the grant, later ones find it and
 * decide again.
 */
#ifndef PAM_NHI_TRANSACTION_H
#define PAM_NHI_TRANSACTION_H

#include "pam_nhi/report.h"

/* The grant of this transaction: kept with the PAM handle, or, in sshd's monitor, made by the child in
 * which sshd had us authenticate, and which has left its ID in the PAM environment. NHI_ERR_NOT_FOUND: none. Other
 * errors: there is one. */
NHI_CHECK enum nhi_err pnhi_transaction_find(pam_handle_t *pamh, const struct pnhi_caller *c, struct nhi_grant *out);

/* In open_session, once that was looked for: takes the ID away, before anybody sees it, and believes none from there
 * on. */
void pnhi_transaction_begin(pam_handle_t *pamh);

/* Commits the grant and keeps it. Changes a permit to NHI_DENY_USES, NHI_DENY_RECORD or
 * NHI_DENY_INTERNAL when it cannot. Records the denial of a verified ticket as well as it can; returns what that
 * does, and nothing for a permit. */
struct pnhi_times pnhi_transaction_commit(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
                                          struct nhi_verdict *v);

/* The program goes on with the grant, as far as we can tell. */
void pnhi_transaction_begun(pam_handle_t *pamh);

/* Counts the denial of what has no record. */
struct pnhi_times pnhi_transaction_count(const struct pnhi_caller *c, const struct nhi_verdict *v);

/* The denial of a verified ticket, as well as it can be recorded, or else counted. */
struct pnhi_times pnhi_transaction_deny(const struct pnhi_caller *c, const struct nhi_shown *what,
                                        const struct nhi_verdict *v);

/* Records as well as it can what would have been decided, had the account under observation been one that
 * takes tickets only. */
void pnhi_transaction_observe(const struct pnhi_caller *c, const struct nhi_shown *what, const struct nhi_verdict *v);

/* Root goes on, inside a session or to an agent's account: recorded and logged once an hour for each account, service
 * and session, as well as it can be. */
void pnhi_transaction_become(pam_handle_t *pamh, const struct pnhi_caller *c);

/* Registers the session that the grant opens, unless the caller is inside it already. */
enum nhi_reason pnhi_transaction_register(const struct pnhi_caller *c, const struct nhi_grant *g);

/* Of a session that was registered and is denied: how it ends, once its process is gone or the supervisor ends it. */
void pnhi_transaction_say_why(const struct nhi_grant *g, enum nhi_reason reason);

/* Takes back the handle of this process, if this transaction registered one. */
void pnhi_transaction_close(pam_handle_t *pamh);

#endif
