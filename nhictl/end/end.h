/* SPDX-License-Identifier: ISC */
/*
 * Ending sessions: SIGTERM, the grace period from the settings, then SIGKILL until no process is left.
 */
#ifndef NHICTL_END_H
#define NHICTL_END_H

#include "nhictl/process/logind.h"
#include "nhictl/process/procs.h"
#include "nhictl/process/sessions.h"

struct ctl;
struct revocation;

/* One session on its way out. Zeroed, with s filled in, it is at the beginning. */
struct ending {
    struct session s;
    struct members m;
    struct logind_session logind; /* what logind has of it */
    /* END_LEFT: whatever goes by the agent's own uid is asked, END_LEFTOVERS: and killed. */
    enum { END_NEW, END_TOLD, END_ASKED, END_KILLED, END_LEFT, END_LEFTOVERS, END_DONE, END_STUCK } phase;
    int64_t next;     /* milliseconds of the monotonic clock: SIGTERM, SIGKILL, then giving up */
    int64_t deadline; /* the same, of its grace */
    uint32_t uid;     /* of the leftovers */
    bool bystanders;  /* somebody else's is in it, and stays */
    bool met;         /* the last hunt came upon some of it */
    bool recorded;
    bool retried; /* it was stuck before */
};

/* One step of each, which takes no time to speak of. Returns how many milliseconds to wait before
 * the next; -1: each is done or stuck. */
int endings_step(struct ending *all, size_t count, int64_t grace_ms);
/* Why, as the ledger has it. */
const char *ending_reason(const struct ending *e);
/* One that is stuck, from SIGKILL on. */
void ending_retry(struct ending *e);
void ending_free(struct ending *e);
/* Who is inside; m: zeroed, the caller's to free. */
NHI_CHECK enum nhi_err session_members(const struct session *s, const struct procs *p, struct members *m);
/* Tells a session's terminals, and the system log. */
void session_notify(const struct session *s, const char *line);

#define ENDED_NAMED 8

struct ended {
    size_t ended, stuck;
    char left[ENDED_NAMED][SESSION_HANDLE_MAX + 1]; /* the first of those that are stuck */
    bool failed;                                    /* to look for them */
    struct ending *own; /* what we were called from, if that is over too: ended after the answer */
    int64_t grace;
};

#endif
