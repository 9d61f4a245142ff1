/* SPDX-License-Identifier: ISC */
/*
 * Tickets in the ledger, and revocation.
 */
#ifndef NHI_LEDGER_TICKET_H
#define NHI_LEDGER_TICKET_H

#include "libnhi/ledger/ledger.h"

enum nhi_origin { NHI_ORIGIN_ISSUED = 1, NHI_ORIGIN_IMPORTED };
struct nhi_ticket_row {
    struct nhi_ticket ticket;
    enum nhi_origin origin;
    int64_t recorded;
    uint32_t grants;   /* folded so far */
    int64_t last_used; /* 0: never */
    bool revoked;      /* by itself, an ancestor, its task, its agent or its issuer */
    char reason[NHI_TEXT_MAX + 1];
    char root[NHI_JTI_LEN + 1];      /* the first of its lineage: what it renews, and that in turn */
    char successor[NHI_JTI_LEN + 1]; /* what renewed it; empty: nothing */
    bool superseded;                 /* it ended when that was recorded, or first used */
    int64_t renew_until;             /* 0: up to its task's deadline */
    char tree[NHI_TREE_MAX + 1];     /* the process tree in which alone it works; empty: anywhere */
};

enum nhi_revoke_kind { NHI_REVOKE_TICKET = 1, NHI_REVOKE_TASK, NHI_REVOKE_AGENT, NHI_REVOKE_ISSUER };

NHI_CHECK enum nhi_err nhi_ticket_record(struct nhi_ledger *l, const struct nhi_ticket *t, enum nhi_origin origin,
                                         int64_t now);
NHI_CHECK enum nhi_err nhi_ticket_get(struct nhi_ledger *l, const char *jti, struct nhi_ticket_row *out);
/* Which tickets: all of them, where nothing is set. */
struct nhi_ticket_filter {
    const char *agent, *task; /* NULL: of any */
    int64_t live_at;          /* neither expired then nor revoked; 0: these as well */
};
/* Newest first. fn: return 0 to go on. */
NHI_CHECK enum nhi_err nhi_ticket_each(struct nhi_ledger *l, const struct nhi_ticket_filter *of,
                                       int (*fn)(const struct nhi_ticket_row *, void *), void *ctx);
/* The one live ticket without key binding for account and service on this host; where none is live, the
 * newest that was ended before its time, so that the decision can say how. NHI_ERR_NOT_FOUND: neither;
 * NHI_ERR_EXISTS: more than one live. The cost depends on that account's unexpired tickets only. */
NHI_CHECK enum nhi_err nhi_ticket_for(struct nhi_ledger *l, const char *account, const char *service, int64_t now,
                                      struct nhi_ticket *out);
/* The same for the subject and service of what is asked, among the tickets that are bound to its key. The cost does not
 * depend on how many others there are. */
NHI_CHECK enum nhi_err nhi_ticket_for_key(struct nhi_ledger *l, const struct nhi_request *asked, int64_t now,
                                          struct nhi_ticket *out);
/* Every live ticket for its subject and service on this host that is bound to some key, newest first. fn: return 0 to
 * go on. */
NHI_CHECK enum nhi_err nhi_ticket_each_key(struct nhi_ledger *l, const struct nhi_request *asked, int64_t now,
                                           int (*fn)(const struct nhi_ticket *, void *), void *ctx);
/* The ticket that holds t's key at its host: recorded, neither over nor to be found over later, whether or
 * not it would open anything now. NHI_ERR_NOT_FOUND: none. */
NHI_CHECK enum nhi_err nhi_ticket_holding_key(struct nhi_ledger *l, const struct nhi_ticket *t, const char *account,
                                              const char *service, int64_t now, char jti[NHI_JTI_LEN + 1]);
/* The ticket that a key was bound to last, dead or alive: one that names the account where there is such a one among
 * the few that end last. NHI_ERR_NOT_FOUND: there never was any. */
NHI_CHECK enum nhi_err nhi_ticket_last_of_key(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN], const char *account,
                                              struct nhi_ticket *out);
/* Keeps in mind that a ticket which is recorded nowhere else was bound to key, and used for account. */
NHI_CHECK enum nhi_err nhi_key_note_bound(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN], const char *account);
/* Whether there is a ticket, dead or alive, that is bound to key, and one, this or another, that names the
 * account on this host. */
NHI_CHECK enum nhi_err nhi_ticket_any_of_key(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN], const char *account,
                                             bool *any);
/* "ticket", "task", "agent", "issuer". */
const char *nhi_revoke_kind_name(enum nhi_revoke_kind kind);
/* Ticket: any well-formed jti, seen or unseen. Task: seen or unseen; a known open one is closed too.
 * Agent: its tickets issued until now; the agent stays active. Issuer: its key and all it signed.
 * Idempotent: the first reason stays. live: how many recorded tickets for this host, live until now, this ended.
 * NHI_ERR_NOT_FOUND: no such agent or issuer. */
NHI_CHECK enum nhi_err nhi_revoke(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id, const char *reason,
                                  int64_t now, uint32_t *live);
/* Every recorded ticket that such a revocation means, is for another host and has not expired, whatever became of it
 * here: that host does not hear of it. By host. fn: return 0 to go on. */
NHI_CHECK enum nhi_err nhi_ticket_each_for_others(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id,
                                                  int64_t now, int (*fn)(const struct nhi_ticket_row *, void *),
                                                  void *ctx);

#endif
