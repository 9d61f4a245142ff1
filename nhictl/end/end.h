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

/* One session that is being ended. Zeroed, with s filled in, it is at the beginning. */
struct ending {
    struct session s;
    struct members m;
    struct logind_session logind; /* its session in logind */
    /* END_LEFT: the processes under the agent's own uid are asked to end; END_LEFTOVERS: they are killed. */
    enum { END_NEW, END_TOLD, END_ASKED, END_KILLED, END_LEFT, END_LEFTOVERS, END_DONE, END_STUCK } phase;
    int64_t next;     /* milliseconds of the monotonic clock: the moment for SIGTERM, SIGKILL, then giving up */
    int64_t deadline; /* the end of its grace */
    uint32_t uid;     /* of the leftovers */
    bool bystanders;  /* processes in it belong to somebody else, and stay */
    bool met;         /* the last hunt found processes */
    bool recorded;
    bool retried; /* it was stuck once already */
};

/* Asks sessions that are at the beginning to end, sooner than a step would: it looks at their processes alone. Sessions
 * without an audit session are left to the first step. */
void endings_begin(struct ending *all, size_t count, int64_t grace_ms);
/* Takes one short step for each. Returns how many milliseconds to wait before the next; -1: each is done or stuck. */
int endings_step(struct ending *all, size_t count, int64_t grace_ms);
/* The reason, as the ledger has it. */
const char *ending_reason(const struct ending *e);
/* Tries again to end a stuck session, beginning with SIGKILL. */
void ending_retry(struct ending *e);
void ending_free(struct ending *e);
/* The processes inside. m: zeroed; the caller frees it. */
NHI_CHECK enum nhi_err session_members(const struct session *s, const struct procs *p, struct members *m);
/* Writes a line to the session's terminals and to the system log. */
void session_notify(const struct session *s, const char *line);

#define ENDED_NAMED 8

struct ended {
    size_t ended, stuck;
    char left[ENDED_NAMED][SESSION_HANDLE_MAX + 1]; /* the first stuck sessions */
    bool failed;                                    /* to look for sessions */
    struct ending *own; /* the session that we were called from, if it is to end, too: ended after the answer */
    int64_t grace;
};

#endif
