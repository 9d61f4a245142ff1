/* SPDX-License-Identifier: ISC */
/*
 * MUST: no event is lost, wherever this is killed. A file whose events are still in the ledger is taken up the next
 * time. MUST: hold the write lock for a moment only, and leave it to others for longer than that in between, so that a
 * revocation does not wait.
 */
#include "nhictl/watch/retention.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_archive.h"
#include "nhictl/audit/archive.h"
#include "nhictl/process/log.h"
#include "nhictl/say/fail.h"

#define DAY INT64_C(86400)
#define ARCHIVE_MOST 5000 /* events in a file; the transaction that removes them takes less than 100 ms */
#define PAUSE 1           /* second between two transactions, and between two tries while another process writes */
#define TRIES 60
#define DIR_PATH NHI_STATE_DIR "/" RETENTION_DIR
#define NAME_FORMAT "trail-%012lld-%012lld"

struct keeping {
    struct ctl *c;
    struct archive a;
    char file[sizeof(DIR_PATH) + 48];
    int64_t before; /* what is older may go */
};

void retention_set(struct retention *r, const struct nhi_settings *set)
{
    r->keep = set->keep_days;
}

/* So that there is not a file for each day: the first one has to be older by a tenth, of 30 days at most. */
static int64_t slack(int64_t keep)
{
    return keep * DAY / 10 < 30 * DAY ? keep * DAY / 10 : 30 * DAY;
}

/* Nothing that a live ticket or session still needs. NHI_ERR_NOT_FOUND: nothing is old enough. */
static enum nhi_err choose(struct keeping *k, struct store *s, int64_t keep)
{
    int64_t needed = INT64_MAX, until = 0;
    enum nhi_err err = nhi_archive_cut(s->l, s->now - keep * DAY - slack(keep), &until);

    if (err == NHI_OK && until == 0)
        return NHI_ERR_NOT_FOUND;
    if (err == NHI_OK)
        err = nhi_archive_needed(s->l, s->now, &needed);
    k->before = s->now - keep * DAY < needed ? s->now - keep * DAY : needed;
    if (err == NHI_OK)
        err = archive_choose(s, k->before, &k->a);
    if (err == NHI_OK && (k->a.nothing || k->a.unsent))
        return NHI_ERR_NOT_FOUND;
    if (k->a.until - k->a.from.seq > ARCHIVE_MOST)
        k->a.until = k->a.from.seq + ARCHIVE_MOST;
    return err;
}

/* ---- a file that an earlier attempt has left ---- */

static void name_it(struct keeping *k)
{
    snprintf(k->file, sizeof(k->file), DIR_PATH "/" NAME_FORMAT, (long long)k->a.from.seq + 1, (long long)k->a.until);
}

static bool is_next(const struct keeping *k, const char *name, long long *last)
{
    char exact[64];
    long long first;

    if (sscanf(name, "trail-%18lld-%18lld", &first, last) != 2 || first != k->a.from.seq + 1)
        return false;
    snprintf(exact, sizeof(exact), NAME_FORMAT, first, *last);
    return strcmp(exact, name) == 0;
}

/* Its events are proven again, and whether the ledger has the same ones is asked when they are removed. */
static bool prove_left(struct keeping *k, int dir, const char *name, int64_t last)
{
    int fd = -1;
    int code = CTL_REFUSED;

    k->a.until = last;
    if (nhi_file_open(dir, name, 1, &fd) == NHI_OK && (k->a.f = fdopen(fd, "r")) != NULL) {
        code = archive_prove(k->c, &k->a);
        fclose(k->a.f);
        k->a.f = NULL;
    } else if (fd >= 0) {
        close(fd);
    }
    name_it(k);
    return code == CTL_DONE;
}

static bool find_left(struct keeping *k)
{
    const struct dirent *e;
    bool found = false;
    long long last;
    DIR *d = NULL;
    int dir;

    if (nhi_dir_open(DIR_PATH, &dir) != NHI_OK)
        return false;
    d = fdopendir(dir);
    while (d != NULL && !found && (e = readdir(d)) != NULL)
        found = is_next(k, e->d_name, &last) && prove_left(k, dir, e->d_name, last);
    if (d != NULL)
        closedir(d);
    else
        close(dir);
    return found;
}

/* ---- one file ---- */

static int make_file(struct keeping *k, struct store *s)
{
    const int64_t until = k->a.until;

    if (mkdir(DIR_PATH, 0700) != 0 && errno != EEXIST)
        return ctl_fail(k->c, CTL_SYSTEM, NULL, "could not make %s: %s", DIR_PATH, strerror(errno));
    k->a.file = k->file;
    if (find_left(k))
        return CTL_DONE;
    k->a.until = until;
    name_it(k);
    return archive_write(k->c, s, &k->a);
}

static enum nhi_err begin(struct store *s, int64_t now)
{
    enum nhi_err err = store_connect(s, now);

    if (err == NHI_OK)
        err = nhi_archive_note_records(s->l, NHI_STATE_DIR);
    return err == NHI_OK ? store_begin(s) : err;
}

/* Everybody else comes first. */
static int take_away(struct keeping *k)
{
    struct store s = { .wait = STORE_NOW };
    enum nhi_err err = NHI_ERR_BUSY;
    int code;

    for (int i = 0; i < TRIES && err == NHI_ERR_BUSY; i++) {
        store_close(&s);
        s = (struct store){ .wait = STORE_NOW };
        if (i > 0)
            (void)sleep(PAUSE);
        err = begin(&s, nhi_now());
    }
    code = err == NHI_OK ? archive_take_away(k->c, &s, &k->a, k->before) : store_open_failed(k->c, &s, err);
    if (code == CTL_DONE)
        code = store_commit(k->c, &s);
    store_close(&s);
    return code;
}

/* more: there was something to archive. */
static int archive_next(struct ctl *c, int64_t keep, bool *more)
{
    struct keeping k = { .c = c, .a = { .dir = -1, .made = { .fd = -1 } } };
    struct store s = { .now = nhi_now() };
    enum nhi_err err = NHI_OK;
    int code;

    c->now = s.now;
    code = store_read(c, &s);
    if (code == CTL_DONE)
        code = store_need_sound(c, &s);
    if (code == CTL_DONE)
        err = choose(&k, &s, keep);
    *more = code == CTL_DONE && err == NHI_OK;
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        code = store_fail(c, &s, err, "read the events");
    if (*more)
        code = make_file(&k, &s);
    store_close(&s);
    if (*more && code == CTL_DONE)
        code = take_away(&k);
    if (*more && code == CTL_DONE)
        log_say(LOG_DAEMON | LOG_NOTICE, "watch: events %lld to %lld are in %s, and no longer in the ledger",
                (long long)k.a.from.seq + 1, (long long)k.a.to.seq, k.file);
    if (k.a.dir >= 0)
        close(k.a.dir);
    return code;
}

/* ---- the process ---- */

/* What failed is in the log, and what it is about still is where it was. */
static int archive_all(struct ctl *c, int64_t keep)
{
    int code = CTL_DONE;
    bool more = true;

    while (code == CTL_DONE && more) {
        code = archive_next(c, keep, &more);
        if (code == CTL_DONE && more)
            (void)sleep(PAUSE);
    }
    if (code != CTL_DONE)
        log_say(LOG_DAEMON | LOG_ERR, "watch: old events were not archived, and stay in the ledger: %s", c->said);
    return code;
}

static void start(struct ctl *c, struct retention *r)
{
    const pid_t parent = getpid();
    sigset_t none;
    pid_t pid = fork();

    if (pid == 0) {
        /* The supervisor's lock must be free when the supervisor ends, and descriptors that it closes must be closed.
         * This process opens its own. */
        (void)close_range(3, ~0U, 0);
        sigemptyset(&none);
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        /* Failures go to the log instead. */
        if (getppid() == parent && freopen("/dev/null", "w", stderr) != NULL)
            _exit(archive_all(c, r->keep));
        _exit(CTL_SYSTEM);
    }
    r->child = pid > 0 ? pid : 0;
}

void retention_step(struct ctl *c, struct retention *r, int64_t now)
{
    if (r->child > 0 && waitpid(r->child, NULL, WNOHANG) != 0)
        r->child = 0;
    if (r->keep == 0 || r->child > 0 || (r->at != 0 && now - r->at < DAY * 1000))
        return;
    start(c, r);
    r->at = now;
}

void retention_end(struct retention *r)
{
    if (r->child > 0 && kill(r->child, SIGTERM) == 0)
        (void)waitpid(r->child, NULL, 0);
    r->child = 0;
}
