/*
 * While no session of an agent is live, nothing runs by its uid but what root put there: finding what does, and ending
 * it. judge.h says what that is.
 */
#ifndef NHICTL_LEFTOVER_H
#define NHICTL_LEFTOVER_H

#include "nhictl/leftover/accounts.h"
#include "nhictl/leftover/judge.h"
#include "nhictl/procs.h"

struct ctl;

/* Which are looked for. Zeroed: those that are to end, of every account. */
struct leftover_wish {
    const char *account; /* of this one alone; NULL: all */
    bool lockdown; /* where the ledger cannot be read, too */
    bool named;    /* and those of which nobody can tell, which a person has decided on */
    /* Whether that session, which is over, is being ended at this moment; NULL: none is. */
    bool (*ends)(const char *handle, const void *ctx);
    const void *ctx;
};

/* What is being ended, an account each. Zeroed at first; release with leftovers_free. */
struct leftovers {
    struct leftover_wish wish;
    struct leaving *all;
    size_t count, room;
    size_t ended, stuck; /* processes */
    bool failed;         /* they could not be looked for */
    int64_t looked;      /* milliseconds, by the supervisor; 0: not yet */
};

/* One step of ending what was found, after looking for more if look is said. now: milliseconds of the monotonic clock.
 * hurry: for the supervisor: nobody who writes to the ledger is waited for, and since when an account takes tickets only
 * is noted, each time. Returns the milliseconds until the next; -1: none is needed. */
int leftovers_step(struct ctl *c, struct leftovers *l, int64_t now, int64_t grace_ms, bool look, bool hurry);
void leftovers_free(struct leftovers *l);

/* For a verb: looks once, and waits until they are gone. Says in the answer how many were, where there were any. Returns
 * how many are left. */
size_t leftovers_end(struct ctl *c, const struct leftover_wish *wish, int64_t grace);

/* Each that is to end or is named; fn: return 0 to go on. pid and start are of a moment ago. */
struct leftover_one {
    const struct leftover_account *account;
    struct nhi_proc proc;
    char command[64];
    enum leftover_word word;
    const char *why;
};
NHI_CHECK enum nhi_err leftovers_each(const char *account, int (*fn)(const struct leftover_one *, void *), void *ctx);

/* For the end of an agent's last session, whose uid it is: its processes that are to end, and whether one is. */
NHI_CHECK enum nhi_err leftover_members(struct members *m, uint32_t uid);
bool leftover_is_prey(pid_t pid, uint32_t uid);
/* SIGTERM, after a second look at each; what the account's manager runs is stopped by that, and it lingers no more. */
void leftover_ask(uint32_t uid, const struct members *m);

/* What of this host's would run containers, whose processes go by uids of the host. NULL: nothing known. */
const char *leftover_runtime(void);

#endif
