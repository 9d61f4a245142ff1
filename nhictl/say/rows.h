/* SPDX-License-Identifier: ISC */
/*
 * The words for states and bounds that verbs print, and rows that more than one verb prints.
 */
#ifndef NHICTL_ROWS_H
#define NHICTL_ROWS_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/say/out.h"

const char *agent_state_name(enum nhi_agent_state s);
const char *issuer_state_name(enum nhi_issuer_state s);
/* "open", "closed", or "ended" when the deadline has passed. */
const char *task_state_name(const struct nhi_task *t, int64_t now);
/* "live", "revoked", "renewed", "expired". */
const char *ticket_state_name(const struct nhi_ticket_row *r, int64_t now);

/* full: labels for a record; else for a line of a table. */
struct out_row *agent_row(const struct out *o, const struct nhi_agent *a, bool full);
struct out_row *task_row(const struct out *o, const struct nhi_task *t, int64_t now, bool full);
struct out_row *claims_row(const struct out *o, const struct nhi_ticket *t);
struct out_row *ticket_row(const struct out *o, const struct nhi_ticket_row *r, int64_t now, bool full);

#endif
