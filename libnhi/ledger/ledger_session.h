/* SPDX-License-Identifier: ISC */
/*
 * Sessions in the ledger: when each began, and when it ended. The processes inside are not recorded here.
 */
#ifndef NHI_LEDGER_SESSION_H
#define NHI_LEDGER_SESSION_H

#include "libnhi/ledger/ledger.h"

struct nhi_grant;
struct nhi_session_end;

/* For a session from the ledger, g has: id, at, boot, service, subject, and agent, task and jti of its ticket. */

/* The grant opened a session with that handle. Once is enough. */
NHI_CHECK enum nhi_err nhi_session_note(struct nhi_ledger *l, const struct nhi_grant *g, const char *handle);
/* The session has ended: adds an event, unless the ledger knows that already. The file in end is not used. */
NHI_CHECK enum nhi_err nhi_session_record_end(struct nhi_ledger *l, const struct nhi_session_end *end, bool *told);
/* Whether a session ever had that handle. NHI_ERR_NOT_FOUND: no session in the ledger. */
NHI_CHECK enum nhi_err nhi_session_was(struct nhi_ledger *l, const char *handle);
/* The sessions of a task that have not ended; with NULL, those of all tasks. fn: returns 0 to continue. */
NHI_CHECK enum nhi_err nhi_session_each_open(struct nhi_ledger *l, const char *task,
                                             int (*fn)(const char *handle, const struct nhi_grant *, void *),
                                             void *ctx);

#endif
