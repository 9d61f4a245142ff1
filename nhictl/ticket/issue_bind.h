/* SPDX-License-Identifier: ISC */
/*
 * issue --bind-key: a ticket that opens nothing without a key.
 */
#ifndef NHICTL_ISSUE_BIND_H
#define NHICTL_ISSUE_BIND_H

#include "nhictl/ticket/issue.h"

/* The Ed25519 key in a .pub file, into t, and whether a certificate may stand beside it. Whose file it is may make
 * us wait for it as long as he likes: call it before the ledger is taken. file NULL: not bound. */
int issue_bind(struct ctl *c, const char *file, bool cert, struct nhi_ticket *t);
/* Beside that file: a certificate over the key that carries the ticket. */
int issue_cert(struct ctl *c, const struct nhi_ticket *t, const char *text, const char *pub);
void issue_cert_remove(struct ctl *c, const char *pub);
/* Whether no other live ticket is bound to t's key for one of its accounts and services. */
int bind_check(struct ctl *c, struct store *s, const struct nhi_ticket *t);

#endif
