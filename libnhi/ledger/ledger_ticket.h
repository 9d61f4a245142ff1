/* SPDX-License-Identifier: ISC */
/*
 * Tickets in the ledger, and revocation.
 */
#ifndef NHI_LEDGER_TICKET_H
#define NHI_LEDGER_TICKET_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/state/fact.h"

enum nhi_origin { NHI_ORIGIN_ISSUED = 1, NHI_ORIGIN_IMPORTED };
struct nhi_ticket_row {
    struct nhi_ticket ticket;
    enum nhi_origin origin;
    int64_t recorded;
    uint32_t grants;   /* grants that were folded so far */
    int64_t last_used; /* 0: never */
    bool revoked;      /* itself revoked, or by an ancestor, its task, its agent or its issuer */
    char reason[NHI_TEXT_MAX + 1];
    char root[NHI_JTI_LEN + 1];      /* the first ticket of its lineage */
    char successor[NHI_JTI_LEN + 1]; /* the ticket that renewed it; empty: none */
    bool superseded;                 /* it ended when its successor was recorded or first used */
    int64_t renew_until;             /* 0: up to its task's deadline */
    char tree[NHI_TREE_MAX + 1];     /* the process tree that it is bound to; empty: none */
};

NHI_CHECK enum nhi_err nhi_ticket_record(struct nhi_ledger *l, const struct nhi_ticket *t, enum nhi_origin origin,
                                         int64_t now);
NHI_CHECK enum nhi_err nhi_ticket_get(struct nhi_ledger *l, const char *jti, struct nhi_ticket_row *out);
/* Which tickets: without any limit, all of them. */
struct nhi_ticket_filter {
    const char *agent, *task; /* NULL: those of any */
    int64_t live_at;          /* only tickets that are neither expired at this time nor revoked; 0: those as well */
};
/* Newest first. fn: returns 0 to continue. */
NHI_CHECK enum nhi_err nhi_ticket_each(struct nhi_ledger *l, const struct nhi_ticket_filter *of,
                                       int (*fn)(const struct nhi_ticket_row *, void *), void *ctx);
/* Those of an agent that were issued after a moment, and end after another one, whatever their state. */
struct nhi_ticket_after {
    const char *agent;
    int64_t issued, ends;
};
NHI_CHECK enum nhi_err nhi_ticket_each_after(struct nhi_ledger *l, const struct nhi_ticket_after *of,
                                             int (*fn)(const char *jti, void *), void *ctx);
/* How many are live. */
NHI_CHECK enum nhi_err nhi_ticket_count_live(struct nhi_ledger *l, int64_t now, int64_t *out);
/* The ticket that holds t's key at its host: recorded, not ended now or later found to have ended, whether or not it
 * would open anything now. NHI_ERR_NOT_FOUND: none. */
NHI_CHECK enum nhi_err nhi_ticket_holding_key(struct nhi_ledger *l, const struct nhi_ticket *t, const char *account,
                                              const char *service, int64_t now, char jti[NHI_JTI_LEN + 1]);
/* Records that a ticket, which is recorded nowhere else, was bound to key and used for account. */
NHI_CHECK enum nhi_err nhi_key_note_bound(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN], const char *account);
/* "ticket", "task", "agent", "issuer". */
const char *nhi_revoke_kind_name(enum nhi_revoke_kind kind);
/* Ticket: any well-formed jti, known or not. Task: known or not; a known open one is also closed. Agent: its tickets
 * issued until now; the agent stays active. Issuer: its key and all that it signed. Idempotent: the first reason stays.
 * live: how many recorded tickets for this host, live until now, this ended. NHI_ERR_NOT_FOUND: no such agent or
 * issuer. */
NHI_CHECK enum nhi_err nhi_revoke(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id, const char *reason,
                                  int64_t now, uint32_t *live);
/* The same, of one of these. */
struct nhi_revoking {
    enum nhi_revoke_kind kind;
    const char *id, *reason;
    int64_t now;
};
struct nhi_revoked {
    uint32_t live;
    bool known;     /* this host has recorded what was revoked */
    bool elsewhere; /* tickets for other hosts are among those, see nhi_ticket_each_for_others */
};
NHI_CHECK enum nhi_err nhi_revoke_known(struct nhi_ledger *l, const struct nhi_revoking *what, struct nhi_revoked *out);
/* Every recorded ticket that such a revocation concerns, that is for another host and has not expired, whatever its
 * state here: that host does not learn of the revocation. By host. fn: returns 0 to continue. */
NHI_CHECK enum nhi_err nhi_ticket_each_for_others(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id,
                                                  int64_t now, int (*fn)(const struct nhi_ticket_row *, void *),
                                                  void *ctx);

#endif
