/* SPDX-License-Identifier: ISC */
/*
 * MUST: nothing is signalled but after a second look, through a descriptor of the process that was looked at. MUST: an
 * account of which a session is live is left alone: its manager and its bus lie outside of the session, and are its
 * own. MUST: cost nothing to speak of while nothing runs: the kernel says whether anything does by a uid.
 */
#include "nhictl/end/leftover_sweep.h"

#include "libnhi/base/grow.h"
#include "libnhi/base/proc.h"
#include "libnhi/ledger/ledger_watched.h"
#include "libnhi/policy/reason.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "nhictl/end/leftover_gather.h"
#include "nhictl/end/sessions.h"
#include "nhictl/process/log.h"
#include "nhictl/process/logind.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

#define LOOK_EVERY 9000 /* milliseconds between two looks of the supervisor, which wakes every 10 seconds */
#define LOOKS 6         /* before something is said to hide */
#define PAUSE 20        /* milliseconds between two of these, in which what has ended is taken in */
#define STEP_ASKED 100  /* milliseconds between two looks */
#define STEP_VERB 20
#define STEP_KILLED 5
#define GIVE_UP 5000 /* after the first SIGKILL */

struct leaving {
    char account[NHI_ACCOUNT_MAX + 1];
    uint32_t uid;
    bool own;
    enum { LEAVING_ASKED, LEAVING_KILLED, LEAVING_STUCK, LEAVING_GONE } phase;
    int64_t next, deadline;    /* milliseconds of the monotonic clock */
    size_t count;              /* processes that were asked */
    size_t left;               /* at the last look */
    char command[64], why[64]; /* of the first */
    bool said;                 /* what became of it is in the ledger */
};

/* ---- which accounts ---- */

static bool runs_anything(uint32_t uid)
{
    errno = 0;
    return getpriority(PRIO_USER, uid) != -1 || errno != ESRCH;
}

/* Whose account, or whose agent's own account, the session is. */
static void mark_live(const struct nhi_grant *g, bool *is)
{
    const struct leftover_accounts *in = leftover_accounts();

    for (size_t i = 0; i < in->count; i++)
        is[i] = is[i] && strcmp(g->subject, in->all[i].name) != 0 &&
                !(in->all[i].own && strcmp(g->ticket.agent, in->all[i].name) == 0);
}

/* One that is over is no reason for anything to run, or what of it cannot be ended would keep all else alive. While it
 * is being ended, that has its turn. */
static bool is_live_session(const struct leftover_wish *wish, const struct session *s)
{
    return !nhi_reason_is_end(s->reason) || (wish->ends != NULL && wish->ends(s->handle, wish->ctx));
}

/* Takes away those of which a session is live. What cannot be read leaves none. */
static bool drop_live(const struct leftover_wish *wish, bool *is, size_t count)
{
    struct sessions s = { .unsaid_lockdown = wish->lockdown };
    bool any = false;

    if (sessions_find(&s) != NHI_OK)
        memset(is, 0, count * sizeof(*is));
    for (size_t i = 0; i < s.count; i++)
        if (is_live_session(wish, &s.all[i]))
            mark_live(&s.all[i].g, is);
    sessions_free(&s);
    for (size_t i = 0; i < count; i++)
        any = any || is[i];
    return any;
}

static bool is_live(const struct leftover_wish *wish, uint32_t uid)
{
    const struct leftover_accounts *in = leftover_accounts();
    bool *is = calloc(in->count + 1, sizeof(*is)), live = true;

    for (size_t i = 0; is != NULL && i < in->count; i++)
        is[i] = in->all[i].uid == uid;
    if (is != NULL)
        live = !drop_live(wish, is, in->count);
    free(is);
    return live;
}

/* ---- which processes ---- */

struct walk {
    struct leftover_look *k;
    const bool *is; /* an account each; NULL: only, below */
    const struct leftover_account *only;
    bool *seen; /* where given, an account each: one of it was there still when it had been judged */
    int (*fn)(const struct leftover_one *, void *);
    void *ctx;
};

static void read_command(pid_t pid, char *command, size_t size)
{
    char path[32];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
    f = fopen(path, "re");
    command[0] = '\0';
    if (f != NULL && fgets(command, (int)size, f) != NULL)
        command[strcspn(command, "\n")] = '\0';
    if (f != NULL)
        fclose(f);
}

static const struct leftover_account *account_in(const struct walk *w, uint32_t uid)
{
    const struct leftover_accounts *in = leftover_accounts();

    if (w->is == NULL)
        return w->only->uid == uid ? w->only : NULL;
    for (size_t i = 0; i < in->count; i++)
        if (w->is[i] && in->all[i].uid == uid)
            return &in->all[i];
    return NULL;
}

/* Still. One that has ended is, when it began a while ago: nobody takes it in. */
static bool is_there(pid_t pid)
{
    struct nhi_proc_stat stat;
    struct nhi_watched now;

    return nhi_proc_stat(pid, &stat) == NHI_OK &&
           (!stat.ended ||
            (nhi_watched_now(&now) == NHI_OK && now.start > stat.self.start + (uint64_t)sysconf(_SC_CLK_TCK)));
}

static int visit(pid_t pid, void *ctx)
{
    struct walk *w = ctx;
    struct leftover_one one;
    uint32_t uid[3];
    pid_t parent;

    if (pid == getpid() || !procs_uids(pid, uid) || (one.account = account_in(w, uid[0])) == NULL ||
        nhi_proc_read(pid, &one.proc, &parent) != NHI_OK)
        return 0;
    one.word = leftover_word(w->k, one.account, pid, &one.why);
    if (w->seen != NULL && is_there(pid))
        w->seen[one.account - leftover_accounts()->all] = true;
    if (one.word == LEFTOVER_STAYS)
        return 0;
    read_command(pid, one.command, sizeof(one.command));
    return w->fn(&one, w->ctx);
}

static const bool *candidates(const struct leftover_wish *wish, bool *is)
{
    const struct leftover_accounts *in = leftover_accounts();
    bool any = false;

    for (size_t i = 0; i < in->count; i++) {
        is[i] = (wish->account == NULL || strcmp(wish->account, in->all[i].name) == 0) && runs_anything(in->all[i].uid);
        any = any || is[i];
    }
    return any && drop_live(wish, is, in->count) ? is : NULL;
}

enum nhi_err leftovers_each(const char *account, int (*fn)(const struct leftover_one *, void *), void *ctx)
{
    const struct leftover_wish wish = { .account = account };
    struct leftover_look k = { .lockdown = false };
    struct walk w = { .k = &k, .fn = fn, .ctx = ctx };
    enum nhi_err err;
    bool *is;

    leftover_accounts_refresh();
    is = calloc(leftover_accounts()->count + 1, sizeof(*is));
    err = is != NULL ? NHI_OK : NHI_ERR_NOMEM;

    if (err == NHI_OK && (w.is = candidates(&wish, is)) != NULL)
        err = nhi_proc_each(visit, &w);
    leftover_look_end(&k);
    free(is);
    return err;
}

/* ---- signals ---- */

static bool is_to_end(enum leftover_word word, const struct leftover_wish *wish)
{
    return word == LEFTOVER_ENDED || (wish->named && word == LEFTOVER_NAMED);
}

/* The descriptor first, then the look: another that has its pid by now is not what the descriptor is of. */
static bool signal_one(struct leftover_look *k, const struct leftover_account *a, const struct leftover_wish *wish,
                       pid_t pid, bool kills)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool sent = false;
    const char *why;

    if (fd < 0)
        return false;
    if (is_to_end(leftover_word(k, a, pid, &why), wish)) {
        sent = syscall(SYS_pidfd_send_signal, fd, kills ? SIGKILL : SIGTERM, NULL, 0) == 0;
        /* What is stopped cannot hear. */
        if (!kills)
            (void)syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0);
    }
    close(fd);
    return sent;
}

/* Lingering that is older than the account's taking of tickets only is not an agent's doing. */
static void end_manager(const struct leftover_account *a)
{
    int64_t since = logind_lingers(a->name, a->uid);

    if (since != 0 && (a->own || (a->known && since > a->since.at)) && logind_end_linger(a->name, a->uid))
        log_say(LOG_AUTHPRIV | LOG_NOTICE, "agents do not linger: account=%s", a->name);
    logind_stop_user(a->uid);
}

static void ask(struct leftover_look *k, const struct leftover_account *a, const struct leftover_wish *wish,
                const struct members *m)
{
    bool managed = false;

    for (size_t i = 0; i < m->count; i++)
        managed = managed || logind_is_managed(m->all[i].pid, a->uid);
    if (managed || (a->own && logind_lingers(a->name, a->uid) != 0))
        end_manager(a);
    for (size_t i = 0; i < m->count; i++)
        if (!logind_is_managed(m->all[i].pid, a->uid))
            (void)signal_one(k, a, wish, m->all[i].pid, false);
}

void leftover_ask(uint32_t uid, const struct members *m)
{
    const struct leftover_account *a = leftover_account_of(uid);
    const struct leftover_wish wish = { .account = NULL };
    struct leftover_look k = { .lockdown = false };

    if (a != NULL)
        ask(&k, a, &wish, m);
    leftover_look_end(&k);
}

/* ---- the end of an agent's last session ---- */

struct adding {
    struct members *m;
    enum nhi_err err;
};

static int add_one(const struct leftover_one *one, void *ctx)
{
    struct adding *a = ctx;

    if (one->word == LEFTOVER_ENDED)
        a->err = members_put(a->m, &one->proc);
    return a->err != NHI_OK;
}

enum nhi_err leftover_members(struct members *m, uint32_t uid)
{
    struct adding to = { .m = m };
    struct leftover_look k = { .lockdown = true };
    struct walk w = { .k = &k, .fn = add_one, .ctx = &to };
    enum nhi_err err = NHI_OK;

    m->count = 0;
    leftover_accounts_refresh();
    w.only = leftover_account_of(uid);
    if (w.only != NULL && runs_anything(uid))
        err = nhi_proc_each(visit, &w);
    leftover_look_end(&k);
    return err == NHI_OK ? to.err : err;
}

bool leftover_is_prey(pid_t pid, uint32_t uid)
{
    const struct leftover_account *a;
    struct leftover_look k = { .lockdown = true };
    uint32_t has[3];
    const char *why;
    bool is;

    if (!procs_uids(pid, has) || has[0] != uid || (a = leftover_account_of(uid)) == NULL)
        return false;
    is = leftover_word(&k, a, pid, &why) == LEFTOVER_ENDED;
    leftover_look_end(&k);
    return is;
}

/* ---- finding ---- */

static bool is_leaving(const struct leftovers *l, uint32_t uid)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->all[i].uid == uid && l->all[i].phase != LEAVING_GONE)
            return true;
    return false;
}

static struct leaving *add_leaving(struct leftovers *l, const struct leftover_account *a)
{
    struct leaving *more;

    /* One that is gone, and could not be written down yet, takes in who follows. */
    for (size_t i = 0; i < l->count; i++)
        if (l->all[i].uid == a->uid)
            return &l->all[i];
    more = nhi_grow(l->all, &l->room, l->count + 1, sizeof(*more));
    if (more == NULL)
        return NULL;
    l->all = more;
    more = &l->all[l->count++];
    memset(more, 0, sizeof(*more));
    memcpy(more->account, a->name, sizeof(a->name));
    more->uid = a->uid;
    more->own = a->own;
    return more;
}

/* Of any account, in one walk. */
struct found {
    struct leftover_one *all;
    size_t count, room;
    bool full;
    bool hides; /* some were not seen, and run */
};

static int find_one(const struct leftover_one *one, void *ctx)
{
    struct found *f = ctx;
    struct leftover_one *more;

    more = nhi_grow(f->all, &f->room, f->count + 1, sizeof(*more));
    if (more == NULL) {
        f->full = true;
        return 1;
    }
    f->all = more;
    f->all[f->count++] = *one;
    return 0;
}

/* Whether one of these runs something, which is gone whenever it is looked at: another process every moment. */
static bool some_hide(const bool *is, const struct leftover_account *only, const bool *seen)
{
    const struct leftover_accounts *in = leftover_accounts();
    bool any = false;

    for (size_t i = 0; i < in->count; i++)
        any = any || ((is != NULL ? is[i] : &in->all[i] == only) && !seen[i] && runs_anything(in->all[i].uid));
    return any;
}

static bool find_once(const struct leftovers *l, struct walk *w, struct found *f)
{
    size_t kept = 0;

    f->count = 0;
    if (nhi_proc_each(visit, w) != NHI_OK || f->full)
        return false;
    for (size_t i = 0; i < f->count; i++)
        if (is_to_end(f->all[i].word, &l->wish))
            f->all[kept++] = f->all[i];
    f->count = kept;
    return true;
}

/* only NULL: of those that is says. false: it could not be looked. */
static bool find(const struct leftovers *l, struct leftover_look *k, const bool *is,
                 const struct leftover_account *only, struct found *f)
{
    struct walk w = { .k = k, .is = is, .only = only, .fn = find_one, .ctx = f };
    bool looked = true;

    k->lockdown = l->wish.lockdown;
    w.seen = calloc(leftover_accounts()->count + 1, sizeof(*w.seen));
    f->hides = w.seen != NULL;
    for (int i = 0; looked && f->hides && i < LOOKS; i++) {
        if (i > 0)
            (void)nanosleep(&(const struct timespec){ .tv_nsec = PAUSE * 1000000L }, NULL);
        looked = find_once(l, &w, f);
        f->hides = some_hide(is, only, w.seen);
    }
    looked = looked && w.seen != NULL;
    free(w.seen);
    return looked;
}

/* In a line of the log a blank, or worse, would begin another field. */
static const char *as_word(const struct leaving *one, char out[sizeof(one->command)])
{
    for (size_t i = 0; i < sizeof(one->command); i++) {
        unsigned char c = (unsigned char)one->command[i];

        out[i] = c == '\0' || (c > ' ' && c < 0x7f) ? (char)c : '?';
    }
    return out;
}

static void begin(struct leftovers *l, struct leftover_look *k, const struct leftover_account *a, const struct found *f,
                  int64_t now)
{
    struct members m = { .count = 0 };
    const struct leftover_one *first = NULL;
    struct leaving *one;
    char word[sizeof(one->command)];

    for (size_t i = 0; i < f->count; i++)
        if (f->all[i].account == a && members_put(&m, &f->all[i].proc) == NHI_OK && first == NULL)
            first = &f->all[i];
    one = first != NULL ? add_leaving(l, a) : NULL;
    if (one != NULL) {
        one->phase = LEAVING_ASKED;
        one->count += m.count;
        one->left = m.count;
        memcpy(one->command, first->command, sizeof(one->command));
        snprintf(one->why, sizeof(one->why), "%s", first->why);
        one->deadline = now + l->grace_ms;
        one->next = now;
        log_say(LOG_AUTHPRIV | LOG_NOTICE, "ends without a session: account=%s processes=%zu command=%s (%s)",
                one->account, one->count, as_word(one, word), one->why);
        ask(k, a, &l->wish, &m);
    }
    members_free(&m);
}

static void look(struct leftovers *l, int64_t now)
{
    const struct leftover_accounts *in = leftover_accounts();
    struct leftover_look k = { .lockdown = false };
    struct found f = { .count = 0 };
    bool *is;

    leftover_accounts_refresh();
    is = calloc(in->count + 1, sizeof(*is));
    l->failed = is == NULL;
    if (is == NULL || candidates(&l->wish, is) == NULL)
        goto out;
    l->failed = !find(l, &k, is, NULL, &f) || f.hides;
    /* Whoever logged in meanwhile is in a session by now. */
    if (f.count == 0 || !drop_live(&l->wish, is, in->count))
        goto out;
    for (size_t i = 0; i < in->count; i++)
        if (is[i] && !is_leaving(l, in->all[i].uid))
            begin(l, &k, &in->all[i], &f, now);
out:
    leftover_look_end(&k);
    free(f.all);
    free(is);
}

/* ---- ending ---- */

struct prey {
    struct leftover_look k;
    const struct leftover_account *a;
    const struct leftover_wish *wish;
};

static bool is_prey(pid_t pid, void *ctx)
{
    struct prey *p = ctx;
    const char *why;

    return is_to_end(leftover_word(&p->k, p->a, pid, &why), p->wish);
}

static void kill_all(const struct leftovers *l, const struct leftover_account *a)
{
    struct prey p = { .a = a, .wish = &l->wish };

    p.k.lockdown = l->wish.lockdown;
    procs_hunt(is_prey, &p);
    leftover_look_end(&p.k);
}

/* How many are left; what cannot be looked at is. */
static size_t count_left(const struct leftovers *l, const struct leftover_account *a)
{
    struct leftover_look k = { .lockdown = false };
    struct found f = { .count = 0 };
    size_t left = 0;

    if (runs_anything(a->uid))
        left = find(l, &k, NULL, a, &f) ? f.count + f.hides : 1;
    leftover_look_end(&k);
    free(f.all);
    return left;
}

static enum nhi_err record(struct ctl *c, const struct leaving *one, bool hurry)
{
    struct store s = { .hurry = hurry };
    struct out_row *detail = out_row_new(c->out);
    const struct store_event ended = { .kind = one->phase == LEAVING_GONE ? "leftovers-end" : "leftovers-stuck",
                                       .agent = one->own ? one->account : NULL,
                                       .account = one->account,
                                       .cause = one->why };
    enum nhi_err err = store_open(&s, nhi_now());

    out_number(detail, "processes", NULL, (int64_t)one->count);
    out_number(detail, "left", NULL, (int64_t)one->left);
    out_text(detail, "command", NULL, one->command);
    if (err == NHI_OK)
        err = store_event(c, &s, ended, detail);
    else
        out_row_free(detail);
    if (err == NHI_OK) {
        err = nhi_ledger_commit(s.l);
        s.writing = err != NHI_OK;
        s.committed = err == NHI_OK;
    }
    store_close(&s);
    return err;
}

static void step(struct leftovers *l, struct leaving *one, int64_t now)
{
    const struct leftover_account *a = leftover_account_of(one->uid);
    char word[sizeof(one->command)];

    if (one->phase == LEAVING_GONE || now < one->next)
        return;
    one->left = a != NULL ? count_left(l, a) : 0;
    if (one->left == 0) {
        l->ended += one->count;
        one->phase = LEAVING_GONE;
        one->said = false;
        return;
    }
    one->next = now + STEP_ASKED;
    if (one->phase == LEAVING_ASKED && now >= one->deadline) {
        one->phase = LEAVING_KILLED;
        one->deadline = now + GIVE_UP;
    }
    /* Its manager is its own again while a session is live. */
    if (one->phase == LEAVING_ASKED || is_live(&l->wish, one->uid))
        return;
    kill_all(l, a);
    one->next = now + STEP_KILLED;
    if (one->phase == LEAVING_KILLED && now >= one->deadline) {
        one->phase = LEAVING_STUCK;
        log_say(LOG_AUTHPRIV | LOG_ERR, "cannot be ended: account=%s processes=%zu command=%s", one->account, one->left,
                as_word(one, word));
    }
    if (one->phase == LEAVING_STUCK)
        one->next = now + GIVE_UP;
}

int leftovers_step(struct ctl *c, struct leftovers *l, int64_t now, bool looks)
{
    size_t kept = 0;
    int wait = -1;

    /* It is the supervisor that never waits for the ledger, and asks as often as it wakes. */
    if (l->hurry)
        leftover_accounts_watch(nhi_now());
    if (looks && l->hurry) {
        looks = l->looked == 0 || now - l->looked >= LOOK_EVERY;
        l->looked = looks ? now : l->looked;
    }
    if (looks)
        look(l, now);
    l->stuck = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct leaving *one = &l->all[i];

        step(l, one, now);
        if (one->phase >= LEAVING_STUCK && !one->said)
            one->said = record(c, one, l->hurry) == NHI_OK;
        if (one->phase == LEAVING_STUCK)
            l->stuck += one->left;
        else if (one->phase < LEAVING_STUCK && (wait < 0 || one->next - now < wait))
            wait = one->next > now ? (int)(one->next - now) : 0;
        if (one->phase != LEAVING_GONE || !one->said)
            l->all[kept++] = *one;
    }
    l->count = kept;
    return wait;
}

void leftovers_free(struct leftovers *l)
{
    free(l->all);
    memset(l, 0, sizeof(*l));
}

/* ---- for verbs ---- */

static void show(struct ctl *c, const struct leftovers *l)
{
    struct out_row *row = out_row_new(c->out);

    out_number(row, "ended", NULL, (int64_t)l->ended);
    out_number(row, "left", NULL, (int64_t)l->stuck);
    out_member(c->out, "leftovers", row);
    if (l->ended > 0)
        out_line(c->out, "%zu process%s without a session %s ended", l->ended, l->ended == 1 ? "" : "es",
                 l->ended == 1 ? "has" : "have");
    if (l->stuck > 0)
        out_line(c->out, "%zu process%s without a session %s NOT ended: see nhictl doctor", l->stuck,
                 l->stuck == 1 ? "" : "es", l->stuck == 1 ? "has" : "have");
    if (l->failed)
        ctl_note("could not look for processes without a session");
}

size_t leftovers_end(struct ctl *c, const struct leftover_wish *wish, int64_t grace)
{
    struct leftovers l = { .wish = *wish, .grace_ms = grace * 1000 };
    size_t left;
    int wait = leftovers_step(c, &l, nhi_clock_ms(CLOCK_MONOTONIC), true);

    while (wait >= 0) {
        const struct timespec ts = { .tv_nsec = (wait < STEP_VERB ? wait : STEP_VERB) * 1000000L };

        (void)nanosleep(&ts, NULL);
        wait = leftovers_step(c, &l, nhi_clock_ms(CLOCK_MONOTONIC), false);
    }
    show(c, &l);
    left = l.failed ? l.stuck + 1 : l.stuck;
    leftovers_free(&l);
    return left;
}

const char *leftover_runtime(void)
{
    static const char *const all[] = { "/usr/bin/dockerd",
                                       "/usr/sbin/dockerd",
                                       "/usr/bin/podman",
                                       "/usr/bin/containerd",
                                       "/usr/bin/lxc-start",
                                       "/usr/bin/nerdctl",
                                       NULL };

    for (size_t i = 0; all[i] != NULL; i++)
        if (access(all[i], X_OK) == 0)
            return strrchr(all[i], '/') + 1;
    return NULL;
}
