/* SPDX-License-Identifier: ISC */
/*
 * Renewing, for renew and run.
 */
#ifndef NHICTL_RENEW_H
#define NHICTL_RENEW_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/ticket/issue.h"

struct ctl;
struct store;

/* Makes and records the ticket that renews old, in the open transaction, with its event. ttl 0: the lifetime of old; it
 * is limited to the time until which old may be renewed. An issuer of this host signs it. Returns CTL_DONE, or another
 * exit code after reporting what is wrong. */
int renew_in(struct ctl *c, struct store *s, const struct nhi_ticket_row *old, int64_t ttl, struct issue_made *made);

#endif
