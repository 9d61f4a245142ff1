/* SPDX-License-Identifier: ISC */
/*
 * While no session of an agent is live, only processes that root started may run under its uid: finding and ending all
 * others. leftover_judge.h decides which they are.
 */
#ifndef NHICTL_LEFTOVER_H
#define NHICTL_LEFTOVER_H

#include "libnhi/base/proc.h"
#include "nhictl/end/leftover_accounts.h"
#include "nhictl/end/leftover_judge.h"
#include "nhictl/process/procs.h"

struct ctl;

/* Which are looked for. Zeroed: those that are to end, of every account. */
struct leftover_wish {
    const char *account; /* of this one alone; NULL: all */
    bool lockdown;       /* where the ledger cannot be read, too */
    bool named;          /* and those of which nobody can tell, which a person has decided on */
    /* Whether that session, which is over, is being ended at this moment; NULL: none is. */
    bool (*ends)(const char *handle, const void *ctx);
    const void *ctx;
};

/* What is being ended, an account each. Zeroed at first; release with leftovers_free. */
struct leftovers {
    struct leftover_wish wish;
    bool hurry;       /* for the supervisor: see leftovers_step */
    int64_t grace_ms; /* from the first signal to the one that kills */
    struct leaving *all;
    size_t count, room;
    size_t ended, stuck; /* processes */
    bool failed;         /* they could not be looked for */
    int64_t looked;      /* milliseconds, by the supervisor; 0: not yet */
};

/* Each that is to end or is named; fn: return 0 to go on. pid and start are of a moment ago. */
struct leftover_one {
    const struct leftover_account *account;
    struct nhi_proc proc;
    char command[64];
    enum leftover_word word;
    const char *why;
};

#endif
