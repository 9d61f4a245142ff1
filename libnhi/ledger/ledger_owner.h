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
    int64_t offboarded; /* since when; 0: not */
    char reason[NHI_TEXT_MAX + 1];
    int64_t active, suspended, retired; /* agents */
    int64_t live_tickets;               /* of these */
    int64_t next_review;                /* the first review date of those that are not retired; 0: none is left */
};

/* NHI_ERR_STATE: the agent is retired, or owner is off-boarded. */
NHI_CHECK enum nhi_err nhi_agent_transfer(struct nhi_ledger *l, const char *name, const char *owner);
/* A review said until when it is needed, and why: of a, review_by, certified, certified_by and because are taken.
 * NHI_ERR_STATE: it is retired, or its owner is off-boarded. */
NHI_CHECK enum nhi_err nhi_agent_certify(struct nhi_ledger *l, const struct nhi_agent *a);
/* An owner is who has, or had, an agent. NHI_ERR_NOT_FOUND: neither. */
NHI_CHECK enum nhi_err nhi_owner_get(struct nhi_ledger *l, const char *name, int64_t now, struct nhi_owner *out);
/* By name. */
NHI_CHECK enum nhi_err nhi_owner_each(struct nhi_ledger *l, int64_t now, int (*fn)(const struct nhi_owner *, void *),
                                      void *ctx);
/* From now on nothing is added for, transferred to or resumed under that owner; what becomes of the agents is the
 * caller's next step. Again: NHI_OK, and the first time and reason stay. */
NHI_CHECK enum nhi_err nhi_owner_offboard(struct nhi_ledger *l, const char *name, const char *reason, int64_t now);
/* Takes that back. NHI_ERR_STATE: there is nothing to take back. */
NHI_CHECK enum nhi_err nhi_owner_return(struct nhi_ledger *l, const char *name);

/* NHI_ERR_STATE: that owner is off-boarded. */
NHI_CHECK enum nhi_err nhi_sql_owner_serves(struct nhi_ledger *l, const char *owner);

#endif
