/* SPDX-License-Identifier: ISC */
/*
 * Which callers are ours while something fails: each situation, each system call by which its marks are read, each
 * error, and what the table of pam_nhi/standing.h says about it.
 *
 * Linked with wraps for the calls. One call fails in each case; the result is compared, and a caller who is not ours
 * although something was hidden must leave words for the log.
 * Invariants: 1, 18, 20.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/session/session.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_write.h"
#include "pam_nhi/caller.h"
#include "tests/lib/world.h"

/* ---- calls that fail ---- */

static const char *const calls[] = { "open",       "openat",     "read",      "fstat",     "pread",
                                     "getpwnam_r", "getpwuid_r", "getrlimit", "setrlimit", "realloc" };
enum { OPEN, OPENAT, READ, FSTAT, PREAD, GETPWNAM, GETPWUID, GETRLIMIT, SETRLIMIT, REALLOC, CALLS };

static bool armed;
static int made[CALLS], which, when, with;

static bool fails(int call)
{
    if (!armed)
        return false;
    if (made[call]++ != when || call != which)
        return false;
    errno = with;
    return true;
}

int __real_open64(const char *path, int flags, ...);
int __real_openat64(int dir, const char *path, int flags, ...);
ssize_t __real_read(int fd, void *buf, size_t n);
ssize_t __real___read_chk(int fd, void *buf, size_t n, size_t room);
int __real_fstat64(int fd, struct stat *st);
ssize_t __real_pread64(int fd, void *buf, size_t n, off_t at);
int __real_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t n, struct passwd **found);
int __real_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t n, struct passwd **found);
int __real_getrlimit64(int what, struct rlimit *l);
int __real_setrlimit64(int what, const struct rlimit *l);
void *__real_realloc(void *p, size_t n);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...);
ssize_t __wrap_read(int fd, void *buf, size_t n);
ssize_t __wrap___read_chk(int fd, void *buf, size_t n, size_t room);
int __wrap_fstat64(int fd, struct stat *st);
ssize_t __wrap_pread64(int fd, void *buf, size_t n, off_t at);
int __wrap_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t n, struct passwd **found);
int __wrap_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t n, struct passwd **found);
int __wrap_getrlimit64(int what, struct rlimit *l);
int __wrap_setrlimit64(int what, const struct rlimit *l);
void *__wrap_realloc(void *p, size_t n);
int __wrap_pam_set_data(pam_handle_t *h, const char *name, void *data, void (*cleanup)(pam_handle_t *, void *, int));
int __wrap_pam_get_data(const pam_handle_t *h, const char *name, const void **data);

/* libpam keeps data for modules only, and the caller here is not one. One name is enough. */
static const void *kept;

int __wrap_pam_set_data(pam_handle_t *h, const char *name, void *data, void (*cleanup)(pam_handle_t *, void *, int))
{
    (void)h;
    (void)name;
    (void)cleanup;
    kept = data;
    return PAM_SUCCESS;
}

int __wrap_pam_get_data(const pam_handle_t *h, const char *name, const void **data)
{
    (void)h;
    (void)name;
    *data = kept;
    return kept != NULL ? PAM_SUCCESS : PAM_NO_MODULE_DATA;
}

static mode_t mode_of(int flags, va_list rest)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

int __wrap_open64(const char *path, int flags, ...)
{
    va_list rest;
    mode_t mode;

    va_start(rest, flags);
    mode = mode_of(flags, rest);
    va_end(rest);
    return fails(OPEN) ? -1 : __real_open64(path, flags, mode);
}

int __wrap_openat64(int dir, const char *path, int flags, ...)
{
    va_list rest;
    mode_t mode;

    va_start(rest, flags);
    mode = mode_of(flags, rest);
    va_end(rest);
    return fails(OPENAT) ? -1 : __real_openat64(dir, path, flags, mode);
}

ssize_t __wrap_read(int fd, void *buf, size_t n)
{
    return fails(READ) ? -1 : __real_read(fd, buf, n);
}

ssize_t __wrap___read_chk(int fd, void *buf, size_t n, size_t room)
{
    return fails(READ) ? -1 : __real___read_chk(fd, buf, n, room);
}

int __wrap_fstat64(int fd, struct stat *st)
{
    return fails(FSTAT) ? -1 : __real_fstat64(fd, st);
}

ssize_t __wrap_pread64(int fd, void *buf, size_t n, off_t at)
{
    return fails(PREAD) ? -1 : __real_pread64(fd, buf, n, at);
}

/* These two return the error. */
int __wrap_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t n, struct passwd **found)
{
    *found = NULL;
    return fails(GETPWNAM) ? with : __real_getpwnam_r(name, pw, buf, n, found);
}

int __wrap_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t n, struct passwd **found)
{
    *found = NULL;
    return fails(GETPWUID) ? with : __real_getpwuid_r(uid, pw, buf, n, found);
}

int __wrap_getrlimit64(int what, struct rlimit *l)
{
    return fails(GETRLIMIT) ? -1 : __real_getrlimit64(what, l);
}

int __wrap_setrlimit64(int what, const struct rlimit *l)
{
    return fails(SETRLIMIT) ? -1 : __real_setrlimit64(what, l);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails(REALLOC) ? NULL : __real_realloc(p, n);
}

/* ---- situations ---- */

static const int errors[] = { EIO,   EACCES, ELOOP,  ENOTDIR, ESTALE, EUCLEAN, ENOENT,
                              EINTR, EMFILE, ENFILE, ENOMEM,  EAGAIN, EFBIG };

/* A directory itself returns EAGAIN when it cannot answer now. */
static bool is_limit(int call, int error)
{
    if (error == EAGAIN && (call == GETPWNAM || call == GETPWUID))
        return false;
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EAGAIN || error == EFBIG;
}

/* Means that it does not exist, which is an answer. */
static bool is_absence(int error)
{
    return error == ENOENT || error == ESRCH;
}

enum where { OUTSIDE, INSIDE, ENDED, LEFT_OVER };

/* The permitted results, as a set of 1 << enum pnhi_standing: without an error, with an error that a caller can cause,
 * and with any other. */
struct row {
    const char *name, *service, *user;
    uid_t ruid;
    enum where where;
    unsigned plain, limit, state;
};

#define S(x) (1u << (x))
#define NOT S(PNHI_NOT_OURS)
#define OURS S(PNHI_OURS)
#define ON S(PNHI_GOES_ON)
#define LEFT S(PNHI_LEFT)
#define HIDDEN S(PNHI_HIDDEN)

static const struct row rows[] = {
    { "a person logs in", "sshd", "alice", 0, OUTSIDE, NOT, NOT, NOT },
    { "a person's cron job", "cron", "alice", 0, OUTSIDE, NOT, NOT, NOT },
    { "root logs in", "sshd", "root", 0, OUTSIDE, NOT, NOT, NOT },
    { "a person logs in through a daemon of a session", "sshd", "alice", 0, INSIDE, NOT, NOT, NOT },
    { "an agent logs in", "sshd", "ci-bot", 0, OUTSIDE, OURS, OURS, OURS },
    { "an nhi-only account logs in", "sshd", "batch", 0, OUTSIDE, OURS, OURS | NOT, OURS | NOT },
    { "a person's sudo", "sudo", "alice", WORLD_ALICE_UID, OUTSIDE, NOT, NOT | HIDDEN, NOT },
    { "a person's su", "su", "deploy", WORLD_ALICE_UID, OUTSIDE, NOT, NOT | HIDDEN, NOT },
    { "a person's su to an agent", "su", "ci-bot", WORLD_ALICE_UID, OUTSIDE, OURS, OURS | HIDDEN, OURS },
    { "an agent's sudo", "sudo", "ci-bot", WORLD_AGENT_UID, OUTSIDE, OURS, OURS, OURS },
    { "an agent's su", "su", "alice", WORLD_AGENT_UID, OUTSIDE, OURS, OURS, OURS },
    { "sudo on a shared account in a session", "sudo", "deploy", WORLD_DEPLOY_UID, INSIDE, OURS, OURS | HIDDEN,
      OURS | NOT },
    { "su on a shared account in a session", "su", "alice", WORLD_DEPLOY_UID, INSIDE, OURS, OURS | HIDDEN, OURS | NOT },
    { "root's su", "su", "deploy", 0, OUTSIDE, NOT, NOT, NOT },
    { "root's su to an agent", "su", "ci-bot", 0, OUTSIDE, NOT, NOT, NOT },
    { "root's sudo to an agent", "sudo", "ci-bot", 0, OUTSIDE, NOT, NOT, NOT },
    { "root's su in a session", "su", "alice", 0, INSIDE, ON, ON | LEFT | NOT, ON | LEFT | NOT },
    { "root's su in an ended session", "su", "alice", 0, ENDED, LEFT, LEFT | NOT, LEFT | NOT },
    { "root's su in what is left of one", "su", "alice", 0, LEFT_OVER, LEFT, LEFT | NOT, LEFT | NOT },
    { "an agent's rest on a shared account", "sudo", "deploy", WORLD_DEPLOY_UID, LEFT_OVER, OURS, OURS | HIDDEN,
      OURS | NOT },
};

static int converse(int n, const struct pam_message **m, struct pam_response **r, void *ctx)
{
    (void)n;
    (void)m;
    (void)r;
    (void)ctx;
    return PAM_CONV_ERR;
}

static const struct rlimit *files_left, *memory_left; /* for the look itself only */
static struct rlimit files_after;
static struct pnhi_caller *again; /* for an earlier phase, in which nothing fails; NULL: none */

/* false: something that the test itself needs has failed. No assertions, since it also runs in children. */
static bool look(const struct row *r, struct pnhi_caller *c)
{
    static const struct pnhi_options options = { .uid_min = 65536, .uid_max = 99999 };
    const struct pam_conv conv = { converse, NULL };
    pam_handle_t *h = NULL;
    int rc;

    kept = NULL;
    if (pam_start_confdir(r->service, r->user, &conv, "/etc/pam-test", &h) != PAM_SUCCESS ||
        pam_set_item(h, PAM_RUSER, r->ruid != 0 ? r->user : "root") != PAM_SUCCESS || setresuid(r->ruid, 0, 0) != 0 ||
        (files_left != NULL && setrlimit(RLIMIT_NOFILE, files_left) != 0) ||
        (memory_left != NULL && setrlimit(RLIMIT_AS, memory_left) != 0))
        return false;
    if (again != NULL && pnhi_caller_find(h, &options, again) != PAM_SUCCESS)
        return false;
    if (again != NULL)
        pnhi_limits_put_back(&again->limits);
    memset(made, 0, sizeof(made));
    armed = true;
    rc = pnhi_caller_find(h, &options, c);
    armed = false;
    pnhi_limits_put_back(&c->limits);
    /* As a phase that looks for a grant and finds none. */
    if (again != NULL)
        pnhi_caller_see_grant(c, NHI_ABSENT);
    return getrlimit(RLIMIT_NOFILE, &files_after) == 0 && setresuid(0, 0, 0) == 0 &&
           pam_end(h, PAM_SUCCESS) == PAM_SUCCESS && rc == PAM_SUCCESS;
}

/* The same in two phases of one transaction, the second of which fails. */
static bool look_twice(const struct row *r, int call, int number, int error, struct pnhi_caller *c)
{
    struct pnhi_caller first;

    again = &first;
    which = call;
    when = number;
    with = error;
    if (!look(r, c))
        return false;
    again = NULL;
    return true;
}

static int wrong;

/* The log about an account that could not be looked up. */
static void judge_cause(const struct row *r, const struct pnhi_caller *c)
{
    const char *cause = pnhi_caller_cause(c);
    bool ok = with == EAGAIN   ? strstr(cause, "source of accounts") != NULL
              : with == EMFILE ? strstr(cause, "ulimit -n") != NULL
              : with == ENFILE ? strstr(cause, "fs.file-max") != NULL
              : with == ENOMEM ? strstr(cause, "memory") != NULL
              : with == EFBIG  ? strstr(cause, "ulimit -f") != NULL
                               : strstr(cause, "limit") == NULL;

    if (ok)
        return;
    wrong++;
    print_message("%s: %s number %d, %s: said is %s\n", r->name, calls[which], when, strerror(with), cause);
}

static void judge(const struct row *r, unsigned may, const struct pnhi_caller *c)
{
    bool said = c->blind != NULL, read = which == OPEN || which == OPENAT || which == READ || which == FSTAT;

    if (said && (which == GETPWNAM || which == GETPWUID))
        judge_cause(r, c);
    /* A caller who was ours must not become a person without a log line, unless the error was an answer. */
    if ((may & S(c->standing)) != 0 &&
        (c->standing != PNHI_NOT_OURS || (r->plain & NOT) != 0 || said || is_absence(with) || !read))
        return;
    wrong++;
    print_message("%s: %s number %d, %s: %d%s\n", r->name, calls[which], when, strerror(with), (int)c->standing,
                  said ? "" : ", and nothing said");
}

static void sweep(const struct row *r, unsigned *cases)
{
    int counts[CALLS];
    struct pnhi_caller c;

    which = -1;
    assert_true(look(r, &c));
    if (S(c.standing) != r->plain)
        print_message("%s: as it is %d\n", r->name, (int)c.standing);
    assert_int_equal(S(c.standing), r->plain);
    assert_null(c.blind);
    memcpy(counts, made, sizeof(counts));
    for (which = 0; which < CALLS; which++)
        for (when = 0; when < counts[which]; when++)
            for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
                with = errors[e];
                if (which == REALLOC && with != ENOMEM)
                    continue;
                assert_true(look(r, &c));
                judge(r,
                      is_limit(which, with) ? r->limit | r->plain
                      : is_absence(with)    ? r->state | NOT
                                            : r->state,
                      &c);
                ++*cases;
                if (r->plain != OURS || is_absence(with))
                    continue;
                assert_true(look_twice(r, which, when, with, &c));
                if (!c.ours) {
                    wrong++;
                    print_message("%s: a person in the next phase: %s number %d, %s\n", r->name, calls[which], when,
                                  strerror(with));
                }
            }
}

/* A session without an audit session of its own, which would be another mark: M4 alone. */
static void enter_session(void)
{
    struct nhi_ticket t = world_ticket();
    struct nhi_grant g = { .reason = NHI_PERMIT,
                           .source = NHI_FROM_PROMPT,
                           .service = "sshd",
                           .subject = "deploy",
                           .ticket = t,
                           .place = "192.0.2.7",
                           .pin = NHI_PIN_REMOTE,
                           .rhost = "192.0.2.7" };
    pid_t parent;

    g.at = time(NULL);
    assert_int_equal(nhi_id_new(g.id), NHI_OK);
    assert_int_equal(nhi_boot_id(g.boot), NHI_OK);
    assert_int_equal(nhi_proc_read(getpid(), &g.self, &parent), NHI_OK);
    assert_int_equal(nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &g, NHI_OF_TREE, WORLD_DEPLOY_UID), NHI_OK);
}

static void go(enum where where)
{
    struct nhi_ledger *l;

    if (where == INSIDE || where == ENDED)
        enter_session();
    if (where == ENDED) {
        l = world_ledger();
        assert_int_equal(nhi_revoke(l, NHI_REVOKE_TASK, "build-1", "", time(NULL), NULL), NHI_OK);
        world_commit(l);
    }
    /* A login uid in the range, and no record. */
    if (where == LEFT_OVER)
        assert_int_equal(nhi_proc_new_audit(WORLD_AGENT_UID), NHI_OK);
}

static int publish(void)
{
    struct nhi_account a = { .name = "ci-bot", .uid = WORLD_AGENT_UID, .home = "/home/ci-bot", .shell = "/bin/sh" };
    struct nhi_snapshot_writer *w;

    return nhi_snapshot_begin(65536, 99999, &w) != NHI_OK || nhi_snapshot_add(w, &a) != NHI_OK ||
           nhi_snapshot_publish(w) != NHI_OK;
}

static int open_files(void)
{
    int fd, n = 0;

    for (fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void each_row(void **state)
{
    unsigned cases = 0;
    int files = open_files();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_reset();
        assert_int_equal(publish(), 0);
        go(rows[i].where);
        sweep(&rows[i], &cases);
        assert_int_equal(open_files(), files);
    }
    print_message("%u cases\n", cases);
    assert_int_equal(wrong, 0);
    assert_true(cases > 4000);
}

/* ---- real limits ---- */

static int fails_too = -1; /* the first of these calls, with EAGAIN; -1: none */

/* Without it, limits cannot be raised. */
static bool drop_resource(void)
{
    struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct d[2];

    if (syscall(SYS_capget, &h, d) != 0)
        return false;
    d[0].effective &= ~(1U << CAP_SYS_RESOURCE);
    d[0].permitted &= ~(1U << CAP_SYS_RESOURCE);
    return syscall(SYS_capset, &h, d) == 0;
}

static bool may_not_raise;

static int standing_of(const struct row *r)
{
    struct pnhi_caller c;

    if (may_not_raise && !drop_resource())
        return 92;
    which = fails_too;
    when = 0;
    with = EAGAIN;
    if (!look(r, &c))
        return 90;
    /* They are as the caller has set them. */
    if (files_left != NULL && memcmp(&files_after, files_left, sizeof(files_after)) != 0)
        return 91;
    return (int)c.standing;
}

static int in_child(const struct row *r)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(standing_of(r));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const struct row *row(const char *name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    fail_msg("no row %s", name);
    return NULL;
}

/* "Try again" from a look-up: from a directory, a person is permitted; with a limit of memory that could not be raised,
 * a source may have met that limit. */
static void try_again(void **state)
{
    const struct row *sudo = row("a person's sudo"), *su = row("a person's su");
    const struct rlimit much = { 1UL << 40, 1UL << 40 };

    (void)state;
    world_reset();
    assert_int_equal(publish(), 0);
    fails_too = GETPWUID;
    assert_int_equal(in_child(sudo), PNHI_NOT_OURS);
    assert_int_equal(in_child(su), PNHI_NOT_OURS);
    fails_too = GETPWNAM;
    assert_int_equal(in_child(su), PNHI_NOT_OURS);
    memory_left = &much;
    may_not_raise = true;
    assert_int_equal(in_child(su), PNHI_HIDDEN);
    fails_too = GETPWUID;
    assert_int_equal(in_child(sudo), PNHI_HIDDEN);
    may_not_raise = false;
    memory_left = NULL;
    fails_too = -1;
}

static void one_limit(const struct row *r, rlim_t n, int standing)
{
    struct rlimit files = { n, 100 };
    int got;

    files_left = &files;
    assert_int_equal(in_child(r), standing);
    files.rlim_max = n;
    got = in_child(r);
    assert_true(got == standing || got == PNHI_HIDDEN);
}

/* However few files a caller may open, the answer is right; where it may open no more, and we may not raise that
 * (CAP_SYS_RESOURCE), it may be a denial. */
static void few_files(void **state)
{
    const struct row *person = row("a person's sudo"), *agent = row("sudo on a shared account in a session");
    rlim_t n;

    (void)state;
    world_reset();
    for (n = 0; n < 12; n++)
        one_limit(person, n, PNHI_NOT_OURS);
    enter_session();
    for (n = 0; n < 12; n++)
        one_limit(agent, n, PNHI_OURS);
    files_left = NULL;
}

/* Nor does it depend on memory: a session is found without any, or it is a denial. */
static void little_memory(void **state)
{
    const struct row *agent = row("sudo on a shared account in a session");
    struct rlimit memory;
    rlim_t n;
    int standing;

    (void)state;
    memory_left = &memory;
    world_reset();
    enter_session();
    for (n = 0; n < 16; n++) {
        memory.rlim_cur = memory.rlim_max = n << 20;
        standing = in_child(agent);
        if (standing != PNHI_OURS && standing != PNHI_HIDDEN)
            fail_msg("%lu MB: %d", (unsigned long)n, standing);
    }
    memory_left = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(try_again),
        cmocka_unit_test(few_files),
        cmocka_unit_test(little_memory),
    };

    if (!world_enter())
        return 0;
    /* Without it libpam logs a line each time, and nobody reads the log. */
    world_write("/etc/pam-test/other", "auth required pam_deny.so\n", 0644);
    world_write("/etc/pam-test/sshd", "auth required pam_permit.so\n", 0644);
    world_write("/etc/pam-test/cron", "auth required pam_permit.so\n", 0644);
    world_write("/etc/pam-test/sudo", "auth required pam_permit.so\n", 0644);
    world_write("/etc/pam-test/su", "auth required pam_permit.so\n", 0644);
    return cmocka_run_group_tests_name("ours", tests, NULL, NULL);
}
