/* SPDX-License-Identifier: ISC */
/*
 * MUST: signal only processes that belong to the ending session: by the kernel's audit session, by its cgroup, by
 * descent, or, when an agent's last session has ended, by the agent's own uid. MUST: wait for nobody who could delay
 * the end.
 */
#include "nhictl/end/end.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/policy/reason.h"
#include "libnhi/session/cgroup.h"
#include "libnhi/session/cgroup_end.h"
#include "libnhi/session/session_end.h"
#include "libnhi/session/session_list.h"
#include "nhictl/end/account_lookup.h"
#include "nhictl/end/bystander.h"
#include "nhictl/leftover/leftover_find.h"
#include "nhictl/leftover/leftover_signal.h"
#include "nhictl/process/log.h"

#define STEP_ASKED 20 /* milliseconds between two looks */
#define CARRIED 60    /* for the last line to reach its terminal */
#define STEP_KILLED 2
#define GIVE_UP 5000 /* milliseconds after the first SIGKILL: on a busy machine a process may take a while to go */

/* ---- the processes of a session ---- */

static bool audit_of(const struct ending *e, uint32_t *audit)
{
    unsigned id;

    if (sscanf(e->s.handle, "a-%*8[0-9a-f]-%u", &id) != 1)
        return false;
    *audit = id;
    return true;
}

#define BYSTANDERS_MS 20 /* that one look for them is good for: it is the same for all sessions that end together */

/* What one step looks at: all processes, and the daemons of root. */
struct sight {
    struct procs p;
    struct bystanders b;
    int64_t since; /* of b, in milliseconds; 0: not looked yet */
};

static const struct bystanders *bystanders_of(struct sight *v)
{
    int64_t now = nhi_clock_ms(CLOCK_MONOTONIC);

    if (v->since == 0 || now - v->since >= BYSTANDERS_MS) {
        bystanders_find(&v->b);
        v->since = now;
    }
    return &v->b;
}

/* Does not signal processes that belong to somebody else. */
static enum nhi_err leave_bystanders(struct ending *e, struct sight *v, uint32_t audit)
{
    enum nhi_err err;

    err = bystanders_remove(bystanders_of(v), &e->m, e->s.g.ticket.jti, audit, &e->bystanders);
    e->logind.shared = e->logind.shared || e->bystanders;
    return err;
}

static enum nhi_err look(struct ending *e, struct sight *v)
{
    const struct procs *p = &v->p;
    enum nhi_err err;
    uint32_t audit = UINT32_MAX;

    if (e->phase == END_LEFT || e->phase == END_LEFTOVERS)
        return leftover_members(&e->m, e->uid);
    if (audit_of(e, &audit)) {
        err = members_find(&e->m, p, MEMBERS_OF_AUDIT, audit, NULL);
    } else {
        if (!nhi_proc_is_alive(&e->s.g.self) || nhi_proc_audit(e->s.g.self.pid, &audit) != NHI_OK)
            audit = UINT32_MAX;
        err = members_find(&e->m, p, MEMBERS_OF_TREE, 0, &e->s.g.self);
        if (err == NHI_OK)
            err = members_add_cgroup(&e->m, p, e->s.handle);
    }
    if (err == NHI_OK && e->phase == END_NEW)
        (void)logind_find(&e->s.g, &e->m, &e->logind);
    if (err == NHI_OK && e->logind.id[0] != '\0')
        err = logind_add(&e->logind, e->s.g.ticket.jti, &e->m, p);
    return err == NHI_OK ? leave_bystanders(e, v, audit) : err;
}

struct strangers {
    bool audited;
    uint32_t audit;
    bool any;
};

/* Somebody else's login, or our own process, which was called from inside. */
static int find_stranger(pid_t pid, void *ctx)
{
    struct strangers *s = ctx;
    uint32_t audit;

    s->any = pid == getpid() || (s->audited && nhi_proc_audit(pid, &audit) == NHI_OK && audit != s->audit);
    return s->any;
}

/* People who logged in through a daemon that was started in the session are in its cgroup, but not in its audit
 * session: then its processes are ended one by one. */
static bool has_bystanders(const struct ending *e)
{
    struct strangers s = { .audit = 0 };

    s.audited = audit_of(e, &s.audit);
    if (e->bystanders)
        return true;
    return nhi_cgroup_each(e->s.handle, find_stranger, &s) == NHI_OK && s.any;
}

/* The kernel ends the whole group at once, no matter how it forks. */
static void kill_group(const struct ending *e)
{
    if (e->phase == END_KILLED && !has_bystanders(e))
        (void)!nhi_cgroup_kill(e->s.handle);
}

static void kill_all(const struct ending *e)
{
    members_signal(&e->m, SIGKILL);
    kill_group(e);
}

/* ---- steps ---- */

const char *ending_reason(const struct ending *e)
{
    return e->s.reason == NHI_PERMIT ? NHI_END_BY_HAND : nhi_reason_name(e->s.reason);
}

/* Also logs the line, since a job has no terminal. Returns whether a terminal got it. */
static bool notify(const struct ending *e, const struct procs *p, const char *line)
{
    bool told;

    char text[SESSION_LINE_MAX + 16];

    snprintf(text, sizeof(text), "\r\nnhi: %s\r\n", line);
    told = members_notify(&e->m, p, text);
    log_say(LOG_AUTHPRIV | LOG_NOTICE, "%s account=%s service=%s agent=%s", line, e->s.g.subject, e->s.g.service,
            e->s.g.ticket.agent);
    return told;
}

enum nhi_err session_members(const struct session *s, const struct procs *p, struct members *m)
{
    struct ending e = { .s = *s, .m = *m };
    struct sight v = { .p = *p };
    enum nhi_err err = look(&e, &v);

    *m = e.m;
    return err;
}

void session_notify(const struct session *s, const char *line)
{
    struct ending e = { .s = *s };
    struct procs p = { .count = 0 };

    if (procs_scan(&p) != NHI_OK || session_members(s, &p, &e.m) != NHI_OK)
        members_free(&e.m);
    (void)notify(&e, &p, line);
    procs_free(&p);
    ending_free(&e);
}

/* sshd, which ends, too, has to send the line from the terminal to the user first. */
static void announce(struct ending *e, const struct procs *p, int64_t now, int64_t grace_ms)
{
    char line[SESSION_LINE_MAX];

    nhi_session_say_why(NHI_RUN_DIR, e->s.g.id, ending_reason(e));
    session_farewell(&e->s, line);
    e->next = notify(e, p, line) ? now + CARRIED : now;
    e->deadline = e->next + grace_ms;
    e->phase = END_TOLD;
}

static void ask(struct ending *e, int64_t now, int64_t grace_ms)
{
    e->next = e->deadline = now + grace_ms;
    e->phase = END_ASKED;
    if (grace_ms == 0)
        return;
    members_signal(&e->m, SIGTERM);
    /* A stopped process does not handle SIGTERM. */
    members_signal(&e->m, SIGCONT);
}

struct others {
    const struct session *s;
    bool any;
};

static int find_other(const char *handle, const struct nhi_grant *g, bool alive, void *ctx)
{
    struct others *o = ctx;

    o->any =
        o->any || (alive && strcmp(handle, o->s->handle) != 0 && strcmp(g->ticket.agent, o->s->g.ticket.agent) == 0);
    return o->any;
}

/* Whether another of these sessions is of the same agent, and will end the leftovers when it ends itself. */
static bool is_followed(const struct ending *e, const struct ending *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (&all[i] != e && all[i].phase < END_DONE && strcmp(all[i].s.g.ticket.agent, e->s.g.ticket.agent) == 0)
            return true;
    return false;
}

/* When an agent's last session ends, nothing may run under the agent's own uid, whatever account the session was for:
 * that account may be shared with people. */
static bool is_last(struct ending *e, const struct ending *all, size_t count)
{
    struct others o = { .s = &e->s };

    return !is_followed(e, all, count) && account_uid_of_agent(e->s.g.ticket.agent, &e->uid) &&
           nhi_session_each(NHI_RUN_DIR, find_other, &o) == NHI_OK && !o.any;
}

/* A session that ends, and what is hunted: its audit session, or the agent's uid. */
struct hunted {
    struct ending *e;
    uint32_t audit;
};

struct hunt {
    struct bystanders bystanders;
    struct hunted *all;
    size_t count;
};

static bool is_of(const struct hunt *h, const struct hunted *one, pid_t pid, bool audited, uint32_t audit)
{
    struct nhi_proc_stat stat;

    if (one->e->phase == END_LEFTOVERS)
        return leftover_is_prey(pid, one->e->uid);
    return audited && one->audit == audit && !bystanders_serve(&h->bystanders, pid, audit) &&
           (nhi_proc_stat(pid, &stat) != NHI_OK || !stat.ended);
}

/* Descent from a process is not checked: it takes too long. */
static bool is_hunted(pid_t pid, void *ctx)
{
    struct hunt *h = ctx;
    uint32_t audit = 0;
    bool audited = nhi_proc_audit(pid, &audit) == NHI_OK;

    for (size_t i = 0; i < h->count; i++)
        if (is_of(h, &h->all[i], pid, audited, audit)) {
            h->all[i].e->met = true;
            return true;
        }
    return false;
}

/* Without memory, the next look finds the processes. */
static void hunt(struct ending *all, size_t count)
{
    struct hunt h = { .all = calloc(count, sizeof(*h.all)) };

    for (size_t i = 0; i < count; i++)
        all[i].met = false;
    for (size_t i = 0; h.all != NULL && i < count; i++) {
        struct hunted *one = &h.all[h.count];

        one->e = &all[i];
        if (all[i].phase == END_LEFTOVERS || (all[i].phase == END_KILLED && audit_of(&all[i], &one->audit)))
            h.count++;
    }
    if (h.count > 0) {
        bystanders_find(&h.bystanders);
        procs_hunt(is_hunted, &h);
    }
    free(h.all);
}

/* logind is told only when the processes have gone or their grace has passed: it would send SIGTERM once more, which
 * some programs take as an order to drop everything. */
static void close_login(struct ending *e)
{
    logind_terminate(&e->logind);
    e->logind.id[0] = '\0';
}

/* Asks until the grace has passed. systemd stops in order what it started for the user. */
static void ask_leftovers(struct ending *e, struct sight *v, int64_t now)
{
    e->phase = END_LEFT;
    e->next = e->deadline;
    if (look(e, v) != NHI_OK) {
        e->phase = END_STUCK;
        return;
    }
    (void)logind_end_linger(e->s.g.ticket.agent, e->uid);
    logind_stop_user(e->uid);
    if (e->m.count == 0 || now >= e->deadline) {
        e->phase = END_LEFTOVERS;
        e->next = now + GIVE_UP;
        return;
    }
    leftover_ask_agents(e->uid, &e->m);
}

/* No process was seen, of the session or under the uid. A program that changes its process all the time may have been
 * missed, so there is a hunt next, and the session has ended once that finds nothing either. */
static void empty(struct ending *e, const struct ending *all, size_t count, struct sight *v, int64_t now)
{
    if (e->phase < END_KILLED || e->phase == END_LEFT) {
        e->phase = e->phase == END_LEFT ? END_LEFTOVERS : END_KILLED;
        e->next = now + GIVE_UP;
        kill_group(e);
        return;
    }
    if (e->met) {
        if (now >= e->next)
            e->phase = END_STUCK;
        return;
    }
    close_login(e);
    if (e->phase == END_KILLED && is_last(e, all, count))
        ask_leftovers(e, v, now);
    else
        e->phase = END_DONE;
}

static void step(struct ending *e, struct sight *v, int64_t now, int64_t grace_ms)
{
    if (look(e, v) != NHI_OK) {
        e->phase = END_STUCK;
        return;
    }
    if (e->phase == END_NEW)
        announce(e, &v->p, now, grace_ms);
    if (e->phase == END_TOLD && now >= e->next)
        ask(e, now, grace_ms);
    if (e->m.count == 0)
        return;
    if ((e->phase == END_ASKED || e->phase == END_LEFT) && now >= e->next) {
        close_login(e);
        e->phase = e->phase == END_LEFT ? END_LEFTOVERS : END_KILLED;
        e->next = now + GIVE_UP;
    }
    if (e->phase == END_KILLED || e->phase == END_LEFTOVERS) {
        kill_all(e);
        if (now >= e->next)
            e->phase = END_STUCK;
    }
}

static int by_audit(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* The audit sessions of those that have not been told yet, sorted. NULL: none, or no memory. */
static uint32_t *audits_of_new(const struct ending *all, size_t count, size_t *n)
{
    uint32_t *audits = count > 0 ? calloc(count, sizeof(*audits)) : NULL;

    *n = 0;
    for (size_t i = 0; audits != NULL && i < count; i++)
        *n += all[i].phase == END_NEW && audit_of(&all[i], &audits[*n]);
    if (*n > 0)
        qsort(audits, *n, sizeof(*audits), by_audit);
    return audits;
}

/* Only asks those whose processes it saw: whether a session has none is for a whole look. */
void endings_begin(struct ending *all, size_t count, int64_t grace_ms)
{
    struct sight v = { .since = 0 };
    size_t n = 0;
    uint32_t *audits = audits_of_new(all, count, &n), audit;
    bool seen = n > 0 && procs_scan_audits(&v.p, audits, n) == NHI_OK;
    int64_t now = nhi_clock_ms(CLOCK_MONOTONIC);

    for (size_t i = 0; seen && i < count; i++) {
        struct ending *e = &all[i];

        if (e->phase != END_NEW || !audit_of(e, &audit) || look(e, &v) != NHI_OK || e->m.count == 0)
            continue;
        announce(e, &v.p, now, grace_ms);
        if (now >= e->next)
            ask(e, now, grace_ms);
    }
    procs_free(&v.p);
    free(audits);
}

int endings_step(struct ending *all, size_t count, int64_t grace_ms)
{
    struct sight v = { .since = 0 };
    int wait = -1, before = getpriority(PRIO_PROCESS, 0);
    int64_t now;

    /* Hundreds of processes that fork without end would leave us a hundredth of the time. */
    (void)setpriority(PRIO_PROCESS, 0, -20);
    hunt(all, count);
    now = nhi_clock_ms(CLOCK_MONOTONIC);
    if (procs_scan(&v.p) != NHI_OK) {
        procs_free(&v.p);
        wait = STEP_ASKED;
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct ending *e = &all[i];

        if (e->phase < END_DONE)
            step(e, &v, now, grace_ms);
        if (e->phase < END_DONE && e->m.count == 0)
            empty(e, all, count, &v, now);
        if ((e->phase == END_TOLD || e->phase == END_ASKED || e->phase == END_LEFT) && wait < 0)
            wait = STEP_ASKED;
        else if (e->phase == END_KILLED || e->phase == END_LEFTOVERS)
            wait = STEP_KILLED;
    }
    (void)setpriority(PRIO_PROCESS, 0, before);
    procs_free(&v.p);
    return wait;
}

void ending_retry(struct ending *e)
{
    e->phase = END_KILLED;
    e->next = nhi_clock_ms(CLOCK_MONOTONIC) + GIVE_UP;
    e->retried = true;
}

void ending_free(struct ending *e)
{
    members_free(&e->m);
}
