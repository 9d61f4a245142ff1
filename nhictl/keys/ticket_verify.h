/* SPDX-License-Identifier: ISC */
/*
 * Verifying a ticket, and finding its issuer.
 */
#ifndef NHICTL_TICKET_VERIFY_H
#define NHICTL_TICKET_VERIFY_H

#include "nhictl/store/store.h"

/* Verifies text with the issuers that the ledger knows, whatever their state. Returns CTL_DONE, or another exit code
 * after reporting what is wrong. */
int ticket_verify(struct ctl *c, struct store *s, const char *text, size_t len, struct nhi_ticket *out);

#endif
