/* SPDX-License-Identifier: ISC */
/*
 * Tasks in the ledger.
 */
#ifndef NHI_LEDGER_TASK_H
#define NHI_LEDGER_TASK_H

#include "libnhi/ledger/ledger.h"

struct nhi_task {
    char id[NHI_TASK_MAX + 1];
    char agent[NHI_AGENT_MAX + 1];
    enum nhi_task_state state;
    int64_t opened, deadline, closed; /* closed 0: open */
    int64_t idle; /* it ends after this many seconds without a grant or a session; 0: no such limit */
    int64_t used; /* the last grant, or the last end of a session; 0: never */
    char reason[NHI_TEXT_MAX + 1];
};

/* NHI_ERR_EXISTS: this ID was used before, open or closed. */
NHI_CHECK enum nhi_err nhi_task_open(struct nhi_ledger *l, const struct nhi_task *t, int64_t now);
/* NHI_ERR_NOT_FOUND; NHI_ERR_STATE: closed already. */
NHI_CHECK enum nhi_err nhi_task_close(struct nhi_ledger *l, const char *id, const char *reason, int64_t now);
NHI_CHECK enum nhi_err nhi_task_get(struct nhi_ledger *l, const char *id, struct nhi_task *out);
/* When an open task ends if nothing happens, and for which of the two reasons. A task with a session is not idle. */
#define NHI_TASK_DEADLINE "deadline"
#define NHI_TASK_IDLE "idle"
int64_t nhi_task_end(const struct nhi_task *t, bool in_session, const char **why);
/* For every open task that ends until then: when, and why. fn: returns 0 to continue. */
NHI_CHECK enum nhi_err nhi_task_each_end(struct nhi_ledger *l, int64_t until,
                                         int (*fn)(const struct nhi_task *, int64_t at, const char *why, void *),
                                         void *ctx);
/* When the first open task ends; INT64_MAX: none is open. */
NHI_CHECK enum nhi_err nhi_task_first_end(struct nhi_ledger *l, int64_t *at);
/* How many are open and have not reached their deadline. */
NHI_CHECK enum nhi_err nhi_task_count_open(struct nhi_ledger *l, int64_t now, int64_t *out);
/* agent NULL: those of all agents. Oldest first. */
/* The newest open task of the agent whose deadline is after now. NHI_ERR_NOT_FOUND: none. */
NHI_CHECK enum nhi_err nhi_task_open_of(struct nhi_ledger *l, const char *agent, int64_t now,
                                        char id[NHI_TASK_MAX + 1]);
NHI_CHECK enum nhi_err nhi_task_each(struct nhi_ledger *l, const char *agent,
                                     int (*fn)(const struct nhi_task *, void *), void *ctx);

#endif
