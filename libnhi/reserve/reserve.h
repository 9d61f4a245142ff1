/* SPDX-License-Identifier: ISC */
/*
 * The reserve: revocation and lockdown when the ledger cannot be written.
 *
 * A small file that init fills with empty slots, so that writing a slot needs no space, no transaction and no other
 * process: pwrite in place, then fdatasync. pam_nhi reads it before the ledger. A missing, unreadable or damaged
 * reserve means lockdown for agents. nhictl drains it into the ledger as soon as that can be written again.
 */
#ifndef NHI_RESERVE_H
#define NHI_RESERVE_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_ticket.h"

#define NHI_RESERVE_SLOTS 510

struct nhi_reserve_slot {
    enum nhi_revoke_kind kind;
    int64_t at;
    char id[NHI_TASK_MAX + 1]; /* jti, task ID, agent or key name */
};

struct nhi_reserve {
    bool lockdown;
    struct nhi_reserve_slot slots[NHI_RESERVE_SLOTS];
    size_t count;
};

/* dir: the state directory. */
NHI_CHECK enum nhi_err nhi_reserve_load(const char *dir, struct nhi_reserve *out);
/* Whether the reserve has lockdown set. False if it cannot be read, which a decision treats as lockdown, too. */
bool nhi_reserve_is_locked_down(const char *dir);
/* Adds the reserve's entries about this ticket to the facts. */
void nhi_reserve_apply(const struct nhi_reserve *r, const struct nhi_ticket *t, struct nhi_facts *f);

#endif
