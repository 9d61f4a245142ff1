/* SPDX-License-Identifier: ISC */
/*
 * The owners of agents: transfers, certifications, and owners who left.
 */
#ifndef NHI_LEDGER_OWNER_H
#define NHI_LEDGER_OWNER_H

#include "libnhi/ledger/ledger.h"

struct nhi_agent;

struct nhi_owner {
    char name[NHI_OWNER_MAX + 1];
    int64_t offboarded; /* when the owner left; 0: has not left */
    char reason[NHI_TEXT_MAX + 1];
    int64_t active, suspended, retired; /* agents */
    int64_t live_tickets;               /* of these */
    int64_t next_review;                /* the first review date of the owner's agents that are not retired; 0: none */
};

/* NHI_ERR_STATE: the agent is retired, or owner is off-boarded. */
NHI_CHECK enum nhi_err nhi_agent_transfer(struct nhi_ledger *l, const char *name, const char *owner);
/* Records the result of a review: until when the agent is needed, and why. Of a, review_by, certified, certified_by and
 * because are used. NHI_ERR_STATE: the agent is retired, or its owner is off-boarded. */
NHI_CHECK enum nhi_err nhi_agent_certify(struct nhi_ledger *l, const struct nhi_agent *a);
/* An owner is somebody who has, or had, an agent. NHI_ERR_NOT_FOUND: no such owner. */
NHI_CHECK enum nhi_err nhi_owner_get(struct nhi_ledger *l, const char *name, int64_t now, struct nhi_owner *out);
/* When the owner left, and why; since is 0 if that did not happen. */
NHI_CHECK enum nhi_err nhi_owner_left(struct nhi_ledger *l, const char *name, int64_t *since,
                                      char reason[NHI_TEXT_MAX + 1]);
/* By name. */
NHI_CHECK enum nhi_err nhi_owner_each(struct nhi_ledger *l, int64_t now, int (*fn)(const struct nhi_owner *, void *),
                                      void *ctx);
/* From now on no agent can be added for, transferred to or resumed under that owner; the caller decides next what
 * happens to the owner's agents. A second call returns NHI_OK, and the first time and reason stay. */
NHI_CHECK enum nhi_err nhi_owner_offboard(struct nhi_ledger *l, const char *name, const char *reason, int64_t now);
/* Reverses that. NHI_ERR_STATE: the owner is not off-boarded. */
NHI_CHECK enum nhi_err nhi_owner_return(struct nhi_ledger *l, const char *name);

/* NHI_ERR_STATE: that owner is off-boarded. */
NHI_CHECK enum nhi_err nhi_sql_owner_serves(struct nhi_ledger *l, const char *owner);

#endif
