/* SPDX-License-Identifier: ISC */
/*
 * Tickets that were issued here for other hosts: no verb of this host reaches them, so a verb that ends tickets lists
 * the other hosts and the commands to type there.
 */
#ifndef NHICTL_OTHER_HOSTS_H
#define NHICTL_OTHER_HOSTS_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/say/ctl.h"

/* Adds the table other_hosts to the answer, which may be empty. Begin, then add each thing that ended, then end. type:
 * the command for the other host, without the id that follows it; with NHI_REVOKE_TICKET, each ticket's own; NULL: as
 * for revoke. */
struct other_hosts {
    struct ctl *c;
    const char *type, *id;
    bool each; /* id is the ticket's own */
    size_t count;
    bool failed;
};
void other_hosts_begin(struct other_hosts *o, struct ctl *c);
/* l: not in a write transaction that may be rolled back. NULL: the ledger cannot be read. */
void other_hosts_add(struct other_hosts *o, struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id,
                     const char *type);
void other_hosts_end(const struct other_hosts *o);

/* All three steps, for one thing. */
void other_hosts_show(struct ctl *c, struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id, const char *type);

#endif
