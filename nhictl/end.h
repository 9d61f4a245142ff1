/*
 * Ending sessions: SIGTERM, the grace that the host's settings give, SIGKILL until nobody is left.
 */
#ifndef NHICTL_END_H
#define NHICTL_END_H

#include "nhictl/logind.h"
#include "nhictl/procs.h"
#include "nhictl/sessions.h"

struct ctl;
struct revocation;

/* One session on its way out. Zeroed, with s filled in, it is at the beginning. */
struct ending {
    struct session s;
    struct members m;
    struct logind_session logind; /* what logind has of it */
    /* END_LEFT: whatever goes by the agent's own uid is asked, END_LEFTOVERS: and killed. */
    enum {
        END_NEW,
        END_TOLD,
        END_ASKED,
        END_KILLED,
        END_LEFT,
        END_LEFTOVERS,
        END_DONE,
        END_STUCK
    } phase;
    int64_t next;     /* milliseconds of the monotonic clock: SIGTERM, SIGKILL, then giving up */
    int64_t deadline; /* the same, of its grace */
    uint32_t uid;     /* of the leftovers */
    bool guests;  /* somebody else's is in it, and stays */
    bool met;     /* the last hunt came upon some of it */
    bool told;    /* recorded */
    bool retried; /* it was stuck before */
};

/* One step of each, which takes no time to speak of. Returns how many milliseconds to wait before
 * the next; -1: each is done or stuck. */
int endings_step(struct ending *all, size_t count, int64_t grace_ms);
/* Says what became of each that is done or stuck: one event in the ledger, if that takes any. hurry: not if another is
 * writing; that is for the next time. */
void endings_record(struct ctl *c, struct ending *all, size_t count, bool hurry);
/* Why, as the ledger has it. */
const char *ending_word(const struct ending *e);
/* One that is stuck, from SIGKILL on. */
void ending_retry(struct ending *e);
void ending_free(struct ending *e);
/* Who is inside; m: zeroed, the caller's to free. */
NHI_CHECK enum nhi_err session_members(const struct session *s, const struct procs *p, struct members *m);
/* Tells a session's terminals, and the system log. */
void session_tell(const struct session *s, const char *line);

/* ---- for a verb that has just ended tickets ---- */

#define ENDED_NAMED 8

struct ended {
    size_t ended, stuck;
    char left[ENDED_NAMED][SESSION_HANDLE_MAX + 1]; /* the first of those that are stuck */
    bool failed; /* to look for them */
    struct ending *own; /* what we were called from, if that is over too: ended after the answer */
    int64_t grace;
};

/* Ends every session that is over by the record, and waits until they are gone. */
struct ended end_what_is_over(struct ctl *c, int64_t grace);
/* And then what policy and the account end. */
struct ended end_what_is_denied(struct ctl *c, int64_t grace);
/* What was to end and could be put on record nowhere: those of a revocation, or NULL: all. */
struct ended end_unsaid(struct ctl *c, const struct revocation *r, int64_t grace);
/* The same for given ones, which this takes. */
struct ended end_these(struct ctl *c, struct ending *all, size_t count, int64_t grace);
/* Into the answer: member sessions, and a line where there were any. */
void ended_show(struct ctl *c, const struct ended *e);
/* Prints the answer, and then ends what we were called from, which may be the end of us. Returns CTL_PART where
 * something is left that was to end. Zeroed, nothing was to. */
int ended_answer(struct ctl *c, struct ended *e);
/* The same once the answer is out; code is what came of it. */
int ended_finish(struct ctl *c, struct ended *e, int code);

#endif
