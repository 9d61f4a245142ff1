/* SPDX-License-Identifier: ISC */
/*
 * The reserve: revocation and lockdown when the ledger cannot be written.
 *
 * A small file that init fills with empty slots, so that writing a slot needs no space, no transaction and no other
 * process: pwrite in place, then fdatasync. pam_nhi reads it before the ledger. A missing, unreadable or damaged
 * reserve means lockdown for agents. nhictl drains it into the ledger as soon as that can be written again.
 *
 * When its disk cannot be written either, a second one in the run directory takes what ends access. It is made when it
 * is needed, it is no lockdown if it does not exist, and a restart of the host removes it.
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
    struct nhi_reserve_slot slots[2 * NHI_RESERVE_SLOTS];
    size_t count;
};

/* What both reserves have. dir: the state directory; run_dir: the run directory. */
NHI_CHECK enum nhi_err nhi_reserve_load(const char *dir, const char *run_dir, struct nhi_reserve *out);
/* Whether one of them has lockdown set. False if they cannot be read, which a decision treats as lockdown, too. */
bool nhi_reserve_is_locked_down(const char *dir, const char *run_dir);
/* Adds the reserve's entries about this ticket to the facts. */
void nhi_reserve_apply(const struct nhi_reserve *r, const struct nhi_ticket *t, struct nhi_facts *f);

#endif
