/* SPDX-License-Identifier: ISC */
/*
 * watch: the supervisor.
 *
 * It sleeps until something is written, or until the first session may have to end, and then ends the sessions that
 * must end. No decision depends on it: nhictl revoke and similar verbs do the same.
 *
 * MUST: no session waits for another's grace, nor for a process that holds the ledger, nor for a name service. MUST:
 * what cannot be read is no reason to end anything, except for lockdown. MUST NOT: report that it lives when it could
 * not look.
 *
 * Its clock is CLOCK_BOOTTIME, which includes sleep, like that of its heartbeat: when the host wakes up, everything is
 * due at once. Only the grace of sessions that are being ended is CLOCK_MONOTONIC (end.c): while the host slept, they
 * had none of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/base/version.h"
#include "libnhi/ledger/heartbeat.h"
#include "libnhi/ledger/publish.h"
#include "libnhi/policy/reason.h"
#include "libnhi/session/session_list.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_record.h"
#include "nhictl/end/warning.h"
#include "nhictl/leftover/leftover_accounts.h"
#include "nhictl/leftover/leftover_sweep.h"
#include "nhictl/process/log.h"
#include "nhictl/process/supervisor.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"
#include "nhictl/store/task_sweep.h"
#include "nhictl/trail/trail.h"
#include "nhictl/watch/changes.h"
#include "nhictl/watch/linger.h"
#include "nhictl/watch/retention.h"
#include "nhictl/watch/session_pidfds.h"
#include "nhictl/watch/trail_timer.h"

#define BUSY_MS 1000 /* between two tries while another process writes the ledger */
#define PAUSE_MS 50  /* between two looks at all sessions, however much is written */
#define REST_MS \
    5000 /* between two times that records are taken in, and lost processes followed up, beside the first \
          */
#define JUDGE_MS 10000 /* for this long, ending sessions comes before judging others, which may be held up */

struct watch {
    struct changes changes;
    int clock, signals; /* timerfd, signalfd */
    bool look, fold, linger, publish, stop;
    bool sweep;                            /* sessions without processes are looked for when records are taken in */
    bool lost;                             /* a followed process has ended */
    bool hurry;                            /* records are taken in at once */
    bool judge;                            /* sessions were found, and are not judged yet */
    bool ready;                            /* systemd has been told that we are ready */
    enum nhi_err seen;                     /* the result of the last look at the ledger or at the sessions */
    int64_t began, looked, judged, beaten; /* milliseconds */
    int64_t kept;        /* the same: when records were last taken in, and lost processes followed up */
    int64_t until;       /* when the first session may have to end */
    int64_t generation;  /* of the published state by which all sessions were judged; -1: none */
    int64_t grace, warn; /* seconds */
    int64_t task;        /* when the first open task ends */
    struct warnings warnings;
    struct session_pidfds followed;
    struct trail_timer trail_timer;
    struct retention retention;
    struct leftovers leftovers;
    struct ending *all;
    size_t count, room;
};

/* Like sd_notify(3), whose protocol is a datagram, but without waiting. Returns whether it need not be sent again. */
static bool notify_systemd(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t len = path != NULL ? strlen(path) : 0;
    bool said;
    int fd;

    if (len < 2 || len >= sizeof(to.sun_path))
        return true;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    said = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) >= 0;
    close(fd);
    return said;
}

static void beat(struct watch *w, int64_t now)
{
    if (nhi_heartbeat_beat(NHI_RUN_DIR, w->seen) != NHI_OK)
        log_say(LOG_DAEMON | LOG_ERR, "watch: %s/%s cannot be written", NHI_RUN_DIR, NHI_HEARTBEAT_FILE);
    w->ready = notify_systemd(w->ready ? "WATCHDOG=1" : "READY=1\nWATCHDOG=1") || w->ready;
    w->beaten = now;
}

/* ---- ended sessions ---- */

static bool is_ending(const struct watch *w, const char *handle)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->all[i].s.handle, handle) == 0)
            return true;
    return false;
}

static bool add(struct watch *w, const struct session *s)
{
    struct ending *more;

    more = nhi_grow(w->all, &w->room, w->count + 1, sizeof(*more));
    if (more == NULL)
        return false;
    w->all = more;
    memset(&w->all[w->count], 0, sizeof(*w->all));
    w->all[w->count++].s = *s;
    return true;
}

/* By the wall clock; setting the clock wakes us as well. */
static void set_timer(const struct watch *w)
{
    const int64_t until = w->task < w->until ? w->task : w->until;
    struct itimerspec at = { .it_value = { .tv_sec = until } };

    if (until == INT64_MAX)
        at.it_value.tv_sec = 0;
    (void)timerfd_settime(w->clock, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
}

/* Reads the ledger; with whole, also what a look at the sessions needs. */
static enum nhi_err read_ledger(struct watch *w, bool whole)
{
    struct nhi_settings set = { .grace = NHI_GRACE_DEFAULT };
    struct nhi_ledger *l = NULL;
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l);

    if (err == NHI_OK)
        err = nhi_ledger_settings(l, &set);
    if (err == NHI_OK && whole) {
        w->grace = set.grace;
        w->warn = set.warn;
        w->task = tasks_next(l);
        trail_timer_set(&w->trail_timer, &set);
        retention_set(&w->retention, &set);
    }
    /* The state was lost or damaged, or its writer was killed: housekeeping publishes. */
    if (err == NHI_OK && !nhi_ledger_is_published(l, NHI_STATE_DIR, NHI_RUN_DIR))
        w->fold = w->hurry = true;
    /* Lines that a log did not accept when their events were written. */
    if (err == NHI_OK && !whole)
        trail_send(l);
    nhi_ledger_close(l);
    return err;
}

static void log_seen(enum nhi_err seen)
{
    if (seen == NHI_OK)
        log_say(LOG_DAEMON | LOG_NOTICE, "watch: the ledger and the sessions can be read again");
    else
        log_say(LOG_DAEMON | LOG_ERR,
                "watch: the ledger or the sessions cannot be read (%s): sessions are not ended, and agents are denied",
                nhi_strerror(seen));
}

static void set_seen(struct watch *w, enum nhi_err seen)
{
    if (seen != w->seen) {
        log_seen(seen);
        w->beaten = 0; /* agents wait for this */
    }
    w->seen = seen;
}

/* Whether some sessions are being ended and are not stuck. */
static bool is_busy(const struct watch *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->all[i].phase < END_DONE)
            return true;
    return false;
}

/* Takes over the sessions of s that have ended since the last look. */
static enum nhi_err take_over(struct watch *w, const struct sessions *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (nhi_reason_is_end(s->all[i].reason) && !is_ending(w, s->all[i].handle) && !add(w, &s->all[i]))
            return NHI_ERR_NOMEM;
    return NHI_OK;
}

/* When the first of them may have to end, or until. */
static int64_t first_end(const struct sessions *s, int64_t until)
{
    for (size_t i = 0; i < s->count; i++)
        if (!nhi_reason_is_end(s->all[i].reason) && s->all[i].until > 0 && s->all[i].until < until)
            until = s->all[i].until;
    return until;
}

/* A session whose processes have ended before we could follow one: nothing will report it again. */
static void note_gone(struct watch *w, const struct sessions *s)
{
    if (s->gone > 0)
        w->sweep = w->fold = true;
}

/* First the sessions that have ended by their record; the others when no session has to be ended at this moment:
 * accounts are looked up for them, and a name service may be slow. */
static void look(struct watch *w, int64_t now)
{
    struct sessions s = { .count = 0 };
    int64_t until = INT64_MAX;
    enum nhi_err ledger, err;

    w->look = false;
    w->changes.fresh_count = 0;
    w->looked = now;
    ledger = read_ledger(w, true);
    s.ahead = w->warn;
    err = sessions_find(&s);
    note_gone(w, &s);
    w->generation = err == NHI_OK && s.m != NULL && s.m->state != NULL ? nhi_state_generation(s.m->state) : -1;
    if (err == NHI_OK)
        err = take_over(w, &s);
    w->judge = is_busy(w) && now - w->judged < JUDGE_MS;
    if (err == NHI_OK && !w->judge) {
        w->judged = now;
        sessions_judge(&s);
        until = warnings_give(&w->warnings, &s);
        err = take_over(w, &s);
    }
    if (err == NHI_OK && !w->judge && !session_pidfds_follow(&w->followed, &s)) {
        /* The last process of one ended while we looked, or still existed when ends were last recorded: nothing will
         * report it again. */
        w->fold = w->sweep = w->hurry = true;
        until = nhi_now() + 1 < until ? nhi_now() + 1 : until;
    }
    w->until = err == NHI_OK ? first_end(&s, until) : until;
    if (w->task <= nhi_now())
        w->fold = w->hurry = true;
    if (err != NHI_OK || w->judge)
        w->generation = -1;
    nhi_heartbeat_looked(NHI_RUN_DIR, w->generation, w->until);
    set_timer(w);
    set_seen(w, ledger != NHI_OK ? ledger : err);
    sessions_free(&s);
}

/* Sessions that began: they alone are read. One that has ended by now is followed up with others whose process ended.
 */
static void take_in(struct watch *w)
{
    struct sessions s = { .handles = (const char(*)[SESSION_HANDLE_MAX + 1]) w->changes.fresh,
                          .handle_count = w->changes.fresh_count,
                          .ahead = w->warn };
    int64_t until = w->until;
    enum nhi_err err = sessions_find(&s);

    if (err == NHI_OK) {
        sessions_judge(&s);
        until = warnings_add(&w->warnings, &s);
        err = take_over(w, &s);
    }
    if (err == NHI_OK && (!session_pidfds_add(&w->followed, &s) || s.gone > 0)) {
        w->lost = true;
        w->look = !session_pidfds_lose(&w->followed, &s);
    }
    w->changes.fresh_count = 0;
    w->look = w->look || err != NHI_OK;
    until = first_end(&s, until);
    if (until < w->until) {
        w->until = until;
        nhi_heartbeat_looked(NHI_RUN_DIR, w->generation, until);
        set_timer(w);
    }
    sessions_free(&s);
}

/* Returns the milliseconds until the next step, -1: none is needed. */
static int end(struct watch *w, struct ctl *c)
{
    int wait = w->count > 0 ? endings_step(w->all, w->count, w->grace * 1000) : -1;
    size_t kept = 0;

    endings_record(c, w->all, w->count, true);
    for (size_t i = 0; i < w->count; i++) {
        if (w->all[i].phase == END_DONE)
            ending_free(&w->all[i]);
        else
            w->all[kept++] = w->all[i];
    }
    w->count = kept;
    return wait;
}

/* Not a stuck session, which may stay stuck. */
static bool is_under_way(const char *handle, const void *ctx)
{
    const struct watch *w = ctx;

    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->all[i].s.handle, handle) == 0)
            return w->all[i].phase < END_DONE && !w->all[i].retried;
    return false;
}

/* Sessions that did not end are tried again with each heartbeat. */
static void try_again(struct watch *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->all[i].phase == END_STUCK)
            ending_retry(&w->all[i]);
}

/* ---- waiting ---- */

static int start(struct ctl *c, struct watch *w)
{
    enum nhi_err err;
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    if (nhi_session_make_dir(NHI_RUN_DIR) != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not make %s/%s", NHI_RUN_DIR, NHI_SESSIONS_DIR);
    w->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    w->clock = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (w->signals < 0 || w->clock < 0 || session_pidfds_open(&w->followed) != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not start watching: %s", strerror(errno));
    err = changes_open(&w->changes);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, err == NHI_ERR_NOT_FOUND ? "nhictl init" : NULL, "could not watch %s and %s: %s",
                        NHI_STATE_DIR, NHI_RUN_DIR, strerror(errno));
    return CTL_DONE;
}

/* Two supervisors would do everything twice. */
static int alone(struct ctl *c, int *lock)
{
    *lock = open(NHI_RUN_DIR "/" WATCH_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*lock < 0)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not open %s/%s: %s", NHI_RUN_DIR, WATCH_LOCK, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, "systemctl status nhi-watch", "nhictl watch is already running");
}

static void take_changes(struct watch *w, bool own)
{
    struct changes *c = &w->changes;

    changes_take(c, own);
    w->look = w->look || c->look;
    w->fold = w->fold || c->fold;
    w->linger = w->linger || c->linger;
    w->sweep = w->sweep || c->lost;
    c->look = c->fold = c->linger = c->lost = false;
}

static void wait_for(struct watch *w, int timeout)
{
    struct pollfd fds[] = { { .fd = w->changes.fd, .events = POLLIN },
                            { .fd = w->clock, .events = POLLIN },
                            { .fd = w->signals, .events = POLLIN },
                            { .fd = w->followed.wait, .events = POLLIN } };
    uint64_t expired;

    (void)poll(fds, sizeof(fds) / sizeof(fds[0]), timeout);
    if ((fds[0].revents & POLLIN) != 0)
        take_changes(w, false);
    if ((fds[1].revents & POLLIN) != 0) {
        (void)!read(w->clock, &expired, sizeof(expired));
        w->look = true;
    }
    if ((fds[3].revents & POLLIN) != 0 && session_pidfds_take(&w->followed))
        w->lost = true;
    w->stop = (fds[2].revents & POLLIN) != 0;
}

/* A newer release has changed the ledger, and is installed in our place: systemd starts that one. */
static bool is_of_another_release(const struct watch *w, int64_t now)
{
    return w->seen == NHI_ERR_VERSION && now - w->began > NHI_HEARTBEAT_EVERY * 1000 && getenv("NOTIFY_SOCKET") != NULL;
}

/* Milliseconds until records are to be taken in. The first of several is taken in at once. */
static int64_t until_due(const struct watch *w)
{
    int64_t rest = w->kept + REST_MS - nhi_clock_ms(CLOCK_BOOTTIME);

    return w->hurry || rest < 0 ? BUSY_MS : rest;
}

static bool is_due(const struct watch *w, int64_t now)
{
    return (w->fold || w->lost) && (w->hurry || now - w->kept >= REST_MS);
}

/* Sessions whose end nothing reports, for whatever reason. */
static void look_for_unfollowed(struct watch *w)
{
    struct nhi_session_count n = { .registered = 0 };

    if (w->seen != NHI_OK || w->followed.some_are_not)
        w->look = w->sweep = true;
    if (nhi_session_count(NHI_RUN_DIR, &n) == NHI_OK && n.registered > w->followed.count + w->changes.fresh_count)
        w->sweep = w->fold = true;
}

/* Takes records in, after sessions without processes have become such records. */
static void keep(struct watch *w, int64_t now)
{
    bool again = false;

    w->kept = now;
    /* Where not all can be followed, all are looked at. */
    if (w->lost && w->followed.some_are_not)
        w->sweep = w->look = true;
    else if (w->lost)
        again = !session_pidfds_mend(&w->followed);
    w->lost = again;
    w->fold = !store_keep_house(nhi_now(), STORE_NOW, w->sweep, &w->task);
    w->hurry = w->fold;
    w->sweep = w->sweep && w->fold;
    w->look = w->look || (!w->fold && w->seen != NHI_OK);
    take_changes(w, true);
    set_timer(w);
}

static void run(struct ctl *c, struct watch *w)
{
    while (!w->stop) {
        int64_t now = nhi_clock_ms(CLOCK_BOOTTIME), rest;
        int wait, left;

        bool beats = w->beaten == 0 || now - w->beaten >= NHI_HEARTBEAT_EVERY * 1000;

        if (beats) {
            try_again(w);
            look_for_unfollowed(w);
        }
        /* If another program was the last to close the ledger, its shared memory is gone, and only a writer makes it.
         */
        if (beats && w->seen == NHI_ERR_SYS)
            w->fold = w->hurry = true;
        if (w->look && (beats || now - w->looked >= PAUSE_MS))
            look(w, now);
        else if (w->changes.fresh_count > 0 && !w->look && !is_busy(w))
            take_in(w);
        else if (w->changes.fresh_count > 0)
            w->look = true;
        else if (beats)
            set_seen(w, read_ledger(w, false));
        if (beats)
            beat(w, now);
        if (beats && is_of_another_release(w, now))
            return;
        if (w->linger) {
            w->linger = false;
            linger_sweep();
        }
        if (beats)
            trail_timer_step(c, &w->trail_timer, now);
        wait = end(w, c);
        if (wait < 0 && w->judge) {
            w->judge = false;
            w->look = true;
        }
        if (wait < 0 && is_due(w, now))
            keep(w, now);
        if (w->publish && beats)
            w->publish = !store_publish_missing(nhi_now());
        /* Not while a session is being ended. */
        if (beats && wait < 0 && w->seen == NHI_OK) {
            retention_step(c, &w->retention, now);
            store_empty_log();
            take_changes(w, true);
        }
        w->leftovers.grace_ms = w->grace * 1000;
        left = leftovers_step(c, &w->leftovers, now, beats);
        rest = w->look ? PAUSE_MS : NHI_HEARTBEAT_EVERY * 1000 - (nhi_clock_ms(CLOCK_BOOTTIME) - w->beaten);
        if ((w->fold || w->lost) && rest > until_due(w))
            rest = until_due(w);
        if (left >= 0 && rest > left)
            rest = left;
        if (wait < 0 || rest < wait)
            wait = rest > 0 ? (int)rest : 0;
        wait_for(w, wait);
    }
}

struct watch_args {
    int64_t wait; /* seconds; 0: supervise */
};

/* Whatever starts with the host would be denied until then. */
static int wait_for_another(struct ctl *c, int64_t seconds)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
    const int64_t last = nhi_clock_ms(CLOCK_BOOTTIME) + seconds * 1000;
    char text[SUPERVISOR_TEXT_MAX];
    struct supervisor p = supervisor_look();

    while (p.is != NHI_SUPERVISOR_LIVE && nhi_clock_ms(CLOCK_BOOTTIME) < last) {
        (void)nanosleep(&pause, NULL);
        p = supervisor_look();
    }
    if (p.is == NHI_SUPERVISOR_LIVE)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, supervisor_hint(&p), "%s", supervisor_text(&p, text));
}

static int supervise(struct ctl *c)
{
    struct watch w = { .changes.fd = -1,
                       .clock = -1,
                       .signals = -1,
                       .look = true,
                       .fold = true,
                       .sweep = true,
                       .hurry = true,
                       .linger = true,
                       .publish = true };
    int code, lock = -1;

    w.followed.wait = -1;
    w.leftovers.wish = (struct leftover_wish){ .ends = is_under_way, .ctx = &w };
    w.leftovers.hurry = true;
    w.grace = NHI_GRACE_DEFAULT;
    w.task = w.until = INT64_MAX;
    w.kept = -REST_MS;
    w.looked = -PAUSE_MS;
    w.judged = -JUDGE_MS;
    code = start(c, &w);
    if (code == CTL_DONE)
        code = alone(c, &lock);
    if (code == CTL_DONE) {
        log_say(LOG_DAEMON | LOG_NOTICE, "watch: nhi %s supervises the sessions of this host", NHI_VERSION);
        w.began = nhi_clock_ms(CLOCK_BOOTTIME);
        run(c, &w);
        if (w.stop)
            nhi_heartbeat_end(NHI_RUN_DIR);
        else
            code = ctl_fail(c, CTL_SYSTEM, "systemctl restart nhi-watch",
                            "the ledger is from a newer release than this supervisor, which stops to be restarted");
    }
    for (size_t i = 0; i < w.count; i++)
        ending_free(&w.all[i]);
    free(w.all);
    retention_end(&w.retention);
    warnings_free(&w.warnings);
    session_pidfds_close(&w.followed);
    leftovers_free(&w.leftovers);
    close(w.changes.fd);
    close(w.clock);
    close(w.signals);
    close(lock);
    return code;
}

static int watch(struct ctl *c)
{
    const struct watch_args *a = c->args;
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = a->wait > 0 ? wait_for_another(c, a->wait) : supervise(c);
    return code;
}

static const struct opt options[] = {
    { "wait", OPT_DURATION, offsetof(struct watch_args, wait), false, "SPAN",
      "supervise nothing; wait so long until the supervisor is ready", NULL, 0 },
    { .name = NULL },
};

const struct verb watch_verbs[] = {
    { NULL, "watch", watch, options, sizeof(struct watch_args), 0, 0, "[--wait SPAN]",
      "Supervise: end each session when its ticket ends.",
      "Runs until SIGTERM, in the foreground. As a service: systemctl enable --now nhi-watch", "nhictl watch" },
    { .verb = NULL },
};
