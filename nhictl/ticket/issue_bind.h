/* SPDX-License-Identifier: ISC */
/*
 * issue --bind-key: a ticket that opens nothing without a key.
 */
#ifndef NHICTL_ISSUE_BIND_H
#define NHICTL_ISSUE_BIND_H

#include "nhictl/ticket/issue.h"

/* Takes the Ed25519 key in a .pub file into t, and checks whether a certificate may be put beside it. The owner of the
 * file can make us wait: call it before the ledger is locked. file NULL: not bound. */
int issue_bind(struct ctl *c, const char *file, bool cert, struct nhi_ticket *t);
/* Writes beside that file a certificate for the key that carries the ticket. */
int issue_cert(struct ctl *c, const struct nhi_ticket *t, const char *text, const char *pub);
void issue_cert_remove(struct ctl *c, const char *pub);
/* Whether no other live ticket is bound to t's key for one of its accounts and services. */
int bind_check(struct ctl *c, struct store *s, const struct nhi_ticket *t);

#endif
