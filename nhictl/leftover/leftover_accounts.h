/* SPDX-License-Identifier: ISC */
/*
 * The accounts under whose uids nothing may run without a session: agents' own, and those that take tickets only.
 */
#ifndef NHICTL_LEFTOVER_ACCOUNTS_H
#define NHICTL_LEFTOVER_ACCOUNTS_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_watched.h"

struct ctl;

struct leftover_account {
    char name[NHI_ACCOUNT_MAX + 1];
    uint32_t uid;
    bool own;     /* an agent's, of that name; else it is in nhi-only */
    bool daemons; /* root starts some by it */
    bool known;   /* since when, below */
    bool written; /* and the ledger has it */
    struct nhi_watched since;
};

struct leftover_accounts {
    struct leftover_account *all;
    size_t count, room;
    uint32_t uid_min, uid_max; /* the agents' range; 0: not known */
    bool whole;                /* the ledger could be read */
    struct nhi_watched here;
};

/* Reads them again, if one of the files has changed that they come from. What was got before is no more. */
void leftover_accounts_refresh(void);
/* As they were read last. */
const struct leftover_accounts *leftover_accounts(void);
/* NULL: of none of these. */
const struct leftover_account *leftover_account_of(uint32_t uid);
const struct leftover_account *leftover_account_named(const char *name);
/* Whether it is one of these, or in the agents' range. */
bool leftover_is_ours(uint32_t uid);

/* For the supervisor: whichever was not seen before is seen from now on, and that is written down, unless another is
 * writing: then with the next call. */
void leftover_accounts_watch(int64_t now);
/* So that it is called when an account may take tickets only: the watch of that inotify. -1: none. */
int leftover_accounts_notify(int inotify);

#endif
