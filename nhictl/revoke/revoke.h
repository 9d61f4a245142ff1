/* SPDX-License-Identifier: ISC */
/*
 * Revoking, for revoke and key revoke.
 */
#ifndef NHICTL_REVOKE_H
#define NHICTL_REVOKE_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/end/look.h"
#include "nhictl/process/sessions.h"
#include "nhictl/say/ctl.h"

struct store;

struct revoke_given {
    const char *ticket, *task, *agent, *issuer, *reason, *from;
    bool unseen;
    struct look_opts look;
};

/* In the open transaction, without an event. */
NHI_CHECK enum nhi_err revoke_in(struct ctl *c, struct store *s, const struct revocation *r, struct nhi_revoked *out);

/* The same, and its event. */
NHI_CHECK enum nhi_err revoke_record(struct ctl *c, struct store *s, const struct revocation *r,
                                     struct nhi_revoked *out);

/* If the ledger cannot be written: the revocation is in force once this returns NHI_OK. The next process that can write
 * the ledger moves it there, with the reason and the user, which the system log gets at once. lasts: false if it ends
 * with a restart of the host before that, since only the run directory could be written. */
NHI_CHECK enum nhi_err revoke_in_reserve(const struct ctl *c, const struct revocation *r, bool *lasts);

/* After a commit. */
void revoke_if_unpublished(const struct ctl *c, const struct store *s, const struct revocation *r);

/* Adds to look what that would end, in a transaction that is rolled back. */
int revoke_look(struct ctl *c, const struct revocation *r, struct look *look);
int revoke_run(struct ctl *c, struct revocation *r, const struct look_opts *look);

/* ---- the steps of revoke_run and of the verb, for many ---- */

/* What args name; r points into them. r->id is NULL if it is the operand. An exit code, after reporting that they name
 * not exactly one thing. */
int revoke_target(struct ctl *c, const struct revoke_given *args, struct revocation *r);
/* Reports that there is no such agent, task or issuer. */
int revoke_unknown(struct ctl *c, const struct store *s, const struct revocation *r);
/* Removes the secret half of an issuer that was revoked. */
void revoke_forget_key(const struct revocation *r);
/* The answer; the text is allocated. */
struct out_row *revoke_row(const struct ctl *c, const struct revocation *r, const char *held_in, uint32_t live,
                           bool known);
char *revoke_text(const struct revocation *r, uint32_t live, bool known);

#endif
