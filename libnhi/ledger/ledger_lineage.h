/* SPDX-License-Identifier: ISC */
/*
 * Tickets that were renewed, and tickets that are bound to a process tree.
 */
#ifndef NHI_LEDGER_LINEAGE_H
#define NHI_LEDGER_LINEAGE_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_ticket.h"

/* Binds a ticket that was just recorded to a process tree; with task_too also its task, which the tree opened. */
NHI_CHECK enum nhi_err nhi_ticket_bind_tree(struct nhi_ledger *l, const struct nhi_ticket *t, const char *tree,
                                            bool task_too);
/* What this host records about a ticket beside its claims: until when it may be renewed (0: its task's deadline), and
 * whether it may be used from anywhere. */
NHI_CHECK enum nhi_err nhi_ticket_set_terms(struct nhi_ledger *l, const char *jti, int64_t renew_until, bool no_pin);
/* Records t as the renewal of old, the last of its lineage. at_once: old is superseded now, else when t is first used;
 * those before old are superseded in any case. */
NHI_CHECK enum nhi_err nhi_ticket_renew(struct nhi_ledger *l, const struct nhi_ticket_row *old,
                                        const struct nhi_ticket *t, bool at_once, int64_t now);
NHI_CHECK enum nhi_err nhi_ticket_supersede(struct nhi_ledger *l, const char *jti);
/* The first ticket of the lineage that this one belongs to. NHI_ERR_NOT_FOUND: not known here. */
NHI_CHECK enum nhi_err nhi_ticket_root(struct nhi_ledger *l, const char *jti, char root[NHI_JTI_LEN + 1]);
/* The last ticket of a lineage. */
NHI_CHECK enum nhi_err nhi_ticket_last(struct nhi_ledger *l, const char *root, struct nhi_ticket_row *out);
/* When the last ticket of a lineage ends. NHI_ERR_NOT_FOUND: not known here. */
NHI_CHECK enum nhi_err nhi_ticket_lineage_end(struct nhi_ledger *l, const char *root, int64_t *exp);
/* Every process tree that has an open task or a live ticket. */
NHI_CHECK enum nhi_err nhi_tree_each(struct nhi_ledger *l, int64_t now, int (*fn)(const char *tree, void *), void *ctx);
/* Revokes the tree's tickets and closes the task that it opened. */
NHI_CHECK enum nhi_err nhi_tree_end(struct nhi_ledger *l, const char *tree, const char *reason, int64_t now);
/* The agent, task and jti of the tree's last ticket, into e. */
NHI_CHECK enum nhi_err nhi_tree_owner(struct nhi_ledger *l, const char *tree, struct nhi_event *e);

#endif
