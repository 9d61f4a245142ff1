/* SPDX-License-Identifier: ISC */
/*
 * Finding the processes that run by the uid of an agents' account while no session of it is live.
 */
#ifndef NHICTL_LEFTOVER_FIND_H
#define NHICTL_LEFTOVER_FIND_H

#include "libnhi/base/proc.h"
#include "nhictl/leftover/leftover_accounts.h"
#include "nhictl/leftover/leftover_gather.h"
#include "nhictl/leftover/leftover_idle.h"
#include "nhictl/process/procs.h"

/* One process; its pid and start are of a moment ago. */
struct leftover_one {
    const struct leftover_account *account;
    struct nhi_proc proc;
    char command[64];
    enum leftover_verdict verdict;
    const char *why;
};

/* What one search found, of any account. Zeroed at first; free all. */
struct leftover_found {
    struct leftover_one *all;
    size_t count, room;
    bool full;
    bool hides; /* some were not seen, and run */
};

/* Calls fn for each that is to end or is named, of every account without a live session; fn: return 0 to go on. */
NHI_CHECK enum nhi_err leftovers_each(int (*fn)(const struct leftover_one *, void *), void *ctx);
/* Whether that is one that the wish ends. */
bool leftover_is_to_end(enum leftover_verdict verdict, const struct leftover_wish *wish);
/* Those that the wish ends, of the one account only, or else of the chosen ones, a flag for each of
 * leftover_accounts(). false: they could not be looked for. */
bool leftover_find(const struct leftover_wish *wish, struct leftover_look *k, const bool *chosen,
                   const struct leftover_account *only, struct leftover_found *f);
/* For the end of an agent's last session: the processes by its uid that are to end, and whether one is. */
NHI_CHECK enum nhi_err leftover_members(struct members *m, uint32_t uid);
bool leftover_is_prey(pid_t pid, uint32_t uid);

#endif
