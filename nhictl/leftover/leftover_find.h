/* SPDX-License-Identifier: ISC */
/*
 * Finding the processes that run under the uid of an agents' account while none of its sessions is live.
 */
#ifndef NHICTL_LEFTOVER_FIND_H
#define NHICTL_LEFTOVER_FIND_H

#include "libnhi/base/proc.h"
#include "nhictl/leftover/leftover_accounts.h"
#include "nhictl/leftover/leftover_gather.h"
#include "nhictl/leftover/leftover_idle.h"
#include "nhictl/process/procs.h"

/* One process, with its pid and start as of a moment ago. */
struct leftover_one {
    const struct leftover_account *account;
    struct nhi_proc proc;
    char command[64];
    enum leftover_verdict verdict;
    const char *why;
};

/* The result of one search, for any account. Zeroed at first; free all. */
struct leftover_found {
    struct leftover_one *all;
    size_t count, room;
    bool full;
    bool hides; /* some processes run and were not seen */
};

/* Calls fn for each process that is to end or is named, of every account without a live session. fn returns 0 to go
 * on. */
NHI_CHECK enum nhi_err leftovers_each(int (*fn)(const struct leftover_one *, void *), void *ctx);
/* Whether the wish ends a process with that verdict. */
bool leftover_is_to_end(enum leftover_verdict verdict, const struct leftover_wish *wish);
/* Finds the processes that the wish ends, of the account only, or if that is NULL of the chosen ones (a flag for each
 * of leftover_accounts()). false: the search failed. */
bool leftover_find(const struct leftover_wish *wish, struct leftover_look *k, const bool *chosen,
                   const struct leftover_account *only, struct leftover_found *f);
/* For the end of an agent's last session: the processes under its uid that are to end, and whether a process is one of
 * them. */
NHI_CHECK enum nhi_err leftover_members(struct members *m, uint32_t uid);
bool leftover_is_prey(pid_t pid, uint32_t uid);

#endif
