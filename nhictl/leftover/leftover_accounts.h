/* SPDX-License-Identifier: ISC */
/*
 * The accounts under whose uids nothing may run without a session: agents' own accounts, and those that take tickets
 * only.
 */
#ifndef NHICTL_LEFTOVER_ACCOUNTS_H
#define NHICTL_LEFTOVER_ACCOUNTS_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_watched.h"

struct ctl;

struct leftover_account {
    char name[NHI_ACCOUNT_MAX + 1];
    uint32_t uid;
    bool own;     /* the account of the agent with that name; else it is in nhi-only */
    bool daemons; /* root starts daemons under it */
    bool known;   /* since is known */
    bool written; /* since is in the ledger */
    struct nhi_watched since;
};

struct leftover_accounts {
    struct leftover_account *all;
    size_t count, room;
    uint32_t uid_min, uid_max; /* the agents' range; 0: not known */
    bool whole;                /* the ledger could be read */
    struct nhi_watched here;
};

/* Reads the accounts again if one of their files has changed. Pointers from earlier calls become invalid. */
void leftover_accounts_refresh(void);
/* The accounts as they were read last. */
const struct leftover_accounts *leftover_accounts(void);
/* NULL: the uid of none of these accounts. */
const struct leftover_account *leftover_account_of(uint32_t uid);
const struct leftover_account *leftover_account_named(const char *name);
/* Whether the uid is of one of these accounts, or in the agents' range. */
bool leftover_is_ours(uint32_t uid);

/* For the supervisor: accounts that were not seen before count from now on, and the ledger is told so; if another
 * process is writing, with the next call. */
void leftover_accounts_watch(int64_t now);
/* Adds a watch to that inotify, for calling leftover_accounts_watch when an account may have become one of these. -1:
 * failed. */
int leftover_accounts_notify(int inotify);

#endif
