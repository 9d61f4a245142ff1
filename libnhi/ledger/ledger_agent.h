/* SPDX-License-Identifier: ISC */
/*
 * Agents in the ledger.
 */
#ifndef NHI_LEDGER_AGENT_H
#define NHI_LEDGER_AGENT_H

#include "libnhi/ledger/ledger.h"

/* Why an agent is suspended: several reasons at once are possible. It is active when none is left. */
enum {
    NHI_HELD_BY_HAND = 1,
    NHI_HELD_OFFBOARDED = 2, /* its owner left, and nobody has taken over the agent */
    NHI_HELD_UNDECLARED = 4, /* the file that declared it no longer does */
    NHI_HELD_RESTORED = 8,   /* whether it was ended since the backup is not known: the ledger was lost */
    NHI_HELD_ALL = 15
};
#define NHI_DECLARED_MAX 64 /* bytes of the name of a file that declares agents */

struct nhi_agent {
    struct nhi_account account;         /* name, uid, gecos (the purpose), home, shell, groups */
    char group_names[NHI_LIST_MAX + 1]; /* names of account.groups, in that order */
    char owner[NHI_OWNER_MAX + 1];
    char purpose[NHI_TEXT_MAX + 1];
    int64_t review_by; /* midnight UTC of the day */
    enum nhi_agent_state state;
    int64_t created, changed;      /* changed: when state was last set */
    char reason[NHI_TEXT_MAX + 1]; /* for the last change of state; may be empty */
    int64_t revoked_until;
    int64_t last_used; /* 0: never */
    uint32_t held;
    char file[NHI_DECLARED_MAX + 1]; /* file that declares it; empty: it was added by hand */
    int64_t file_review;             /* the review date in that file; 0: none yet */
    int64_t certified;               /* when somebody last confirmed that it is still needed; 0: never */
    char certified_by[NHI_OWNER_MAX + 1], because[NHI_TEXT_MAX + 1]; /* who confirmed that, and why */
    bool daemons; /* root starts daemons with its account, on a host that records this nowhere else */
};

/* The caller chooses account.uid within the range (it knows which uids are free on this host); it must not be below the
 * next one, which then moves above it. NHI_ERR_EXISTS: the name or uid was used before. NHI_ERR_STATE: its owner is
 * off-boarded. */
NHI_CHECK enum nhi_err nhi_agent_add(struct nhi_ledger *l, const struct nhi_agent *a, int64_t now);
NHI_CHECK enum nhi_err nhi_agent_get(struct nhi_ledger *l, const char *name, struct nhi_agent *out);
/* Whose uid it is. NHI_ERR_NOT_FOUND: no agent's. */
NHI_CHECK enum nhi_err nhi_agent_with_uid(struct nhi_ledger *l, uint32_t uid, char name[NHI_AGENT_MAX + 1]);
/* Setting an agent active ends every reason for its suspension. NHI_ERR_STATE: a retired agent stays retired, and an
 * agent whose owner is off-boarded stays suspended. Setting the present state again returns NHI_OK and changes nothing
 * but held. */
NHI_CHECK enum nhi_err nhi_agent_set_state(struct nhi_ledger *l, const char *name, enum nhi_agent_state state,
                                           const char *reason, int64_t now);
/* Adds one reason for suspension and removes some: the agent is active when none is left. Errors are those of
 * set_state. */
NHI_CHECK enum nhi_err nhi_agent_hold(struct nhi_ledger *l, const char *name, uint32_t cause, const char *reason,
                                      int64_t now);
NHI_CHECK enum nhi_err nhi_agent_release(struct nhi_ledger *l, const char *name, uint32_t causes, const char *reason,
                                         int64_t now);
/* Sets purpose, gecos, shell, groups, review date and file of the agent with that name; nothing else of a is used.
 * NHI_ERR_STATE: it is retired. */
NHI_CHECK enum nhi_err nhi_agent_change(struct nhi_ledger *l, const struct nhi_agent *a);
/* NHI_ERR_STATE: the agent is retired. */
NHI_CHECK enum nhi_err nhi_agent_set_daemons(struct nhi_ledger *l, const char *name, bool daemons);
/* Each callback returns 0 to continue. Rows are in ascending order of uid. */
NHI_CHECK enum nhi_err nhi_agent_each(struct nhi_ledger *l, int (*fn)(const struct nhi_agent *, void *), void *ctx);
/* The same, of one owner. */
NHI_CHECK enum nhi_err nhi_agent_each_of(struct nhi_ledger *l, const char *owner,
                                         int (*fn)(const struct nhi_agent *, void *), void *ctx);

#endif
