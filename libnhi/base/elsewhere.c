/* SPDX-License-Identifier: ISC */
/*
 * How the program is started, and why: the host process is sshd, sudo, su or cron in the middle of its work.
 *
 * - wait() and waitpid(-1) do not find a child that was made without a signal for its end, and it raises no SIGCHLD:
 *   the host process cannot notice it. exec would give it SIGCHLD again, so that child stays a copy that makes system
 *   calls only, and the program is its own child.
 * - It becomes root by its real uid as well, or a caller of sudo could stop or kill it. Nothing else that the caller
 *   chose (limits, environment, descriptors, terminal) reaches it either.
 * - The kernel keeps its time: a timer that survives exec ends the program, whatever holds it up.
 * - The host process waits for the end of its output, in poll(), and then reaps the child. Where not even the timer
 *   helps (a source on a dead file system), it continues without an answer.
 */
#include "libnhi/base/elsewhere.h"
#include "libnhi/base/grow.h"
#include "libnhi/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM LIBEXECDIR "/nhi-nss-ask"
#define SECONDS 2
#define PATIENCE_MS 2500 /* the program's own timer has ended it by then */
#define ANSWER_MAX (256u << 10)
#define NUMBER_LEN 11
#define LATE "did not answer in time"

static struct {
    bool on;
    char late[33]; /* the source that did not answer in time; empty: none so far */
} once;

/* ---- nsswitch.conf ---- */

static bool is_database(const char *line, enum nhi_database *db)
{
    static const struct {
        const char *name;
        enum nhi_database db;
    } names[] = { { "passwd", NHI_PASSWD }, { "group", NHI_GROUP }, { "initgroups", NHI_GROUP } };
    size_t len;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        len = strlen(names[i].name);
        if (strncmp(line, names[i].name, len) == 0 && line[len + strspn(line + len, " \t")] == ':') {
            *db = names[i].db;
            return true;
        }
    }
    return false;
}

static enum nhi_err each_source(char *line, enum nhi_err (*take)(enum nhi_database, const char *, void *), void *ctx)
{
    char *word, *save = NULL, *open, *shut;
    enum nhi_database db;
    enum nhi_err err = NHI_OK;

    line[strcspn(line, "#\n")] = '\0';
    line += strspn(line, " \t");
    if (!is_database(line, &db))
        return NHI_OK;
    line = strchr(line, ':') + 1;
    /* Leaves out what should follow an answer, as in [NOTFOUND=return]: every source is asked. */
    while ((open = strchr(line, '[')) != NULL) {
        shut = strchr(open, ']');
        memset(open, ' ', shut != NULL ? (size_t)(shut - open) + 1 : strlen(open));
    }
    for (word = strtok_r(line, " \t", &save); word != NULL && err == NHI_OK; word = strtok_r(NULL, " \t", &save))
        if (strcmp(word, "files") != 0 && strcmp(word, "nhi") != 0)
            err = take(db, word, ctx);
    return err;
}

enum nhi_err nhi_nsswitch_each(enum nhi_err (*take)(enum nhi_database, const char *, void *), void *ctx)
{
    enum nhi_err err = NHI_OK;
    char *line = NULL;
    size_t size = 0;
    FILE *f = fopen(NHI_NSSWITCH, "re");

    /* Without the file, only the local files count. */
    if (f == NULL)
        return errno == ENOENT ? NHI_OK : NHI_ERR_SYS;
    while (err == NHI_OK && getline(&line, &size, f) >= 0)
        err = each_source(line, take, ctx);
    if (err == NHI_OK && !feof(f))
        err = NHI_ERR_SYS;
    free(line);
    fclose(f);
    return err;
}

static enum nhi_err note_any(enum nhi_database db, const char *source, void *ctx)
{
    (void)db;
    (void)source;
    *(bool *)ctx = true;
    return NHI_OK;
}

/* ---- in the copied process: system calls only ---- */

#ifdef SYS_setresuid32
#define SETRESUID SYS_setresuid32
#define SETRESGID SYS_setresgid32
#else
#define SETRESUID SYS_setresuid
#define SETRESGID SYS_setresgid
#endif

/* flags 0: no memory is shared, and no signal is sent at its end. */
static pid_t copy_process(void)
{
    return (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
}

/* Raises to the hard limit at most, where that limit itself may not be raised. */
static void raise_limit(int limit, rlim_t to)
{
    struct rlimit r = { .rlim_cur = to, .rlim_max = to };

    if (setrlimit((__rlimit_resource_t)limit, &r) == 0 || getrlimit((__rlimit_resource_t)limit, &r) != 0)
        return;
    r.rlim_cur = r.rlim_max;
    (void)setrlimit((__rlimit_resource_t)limit, &r);
}

static void be_nobodys(void)
{
    /* Where the caller is not root, the program is not either, and the caller may stop it. */
    (void)syscall(SETRESUID, 0, 0, 0);
    (void)syscall(SETRESGID, 0, 0, 0);
    raise_limit(RLIMIT_NOFILE, 256);
    raise_limit(RLIMIT_STACK, 8UL << 20);
    raise_limit(RLIMIT_AS, RLIM_INFINITY);
    raise_limit(RLIMIT_DATA, RLIM_INFINITY);
    raise_limit(RLIMIT_CPU, RLIM_INFINITY);
    raise_limit(RLIMIT_FSIZE, RLIM_INFINITY);
    (void)setsid();
}

static _Noreturn void become_program(char *const argv[])
{
    static char *const no_environment[] = { NULL };
    const struct itimerval limit = { .it_value.tv_sec = SECONDS };
    struct sigaction dfl = { .sa_handler = SIG_DFL };
    sigset_t none;

    (void)sigaction(SIGALRM, &dfl, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setitimer(ITIMER_REAL, &limit, NULL);
    (void)execve(PROGRAM, argv, no_environment);
    _exit(127);
}

static _Noreturn void be_copy(int out, char *const argv[])
{
    int nul = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t pid;

    be_nobodys();
    /* Neither descriptor may be one of those that the other is moved to. */
    out = fcntl(out, F_DUPFD_CLOEXEC, 3);
    nul = nul >= 0 ? fcntl(nul, F_DUPFD_CLOEXEC, 3) : -1;
    if (out < 0 || nul < 0 || dup2(nul, 0) < 0 || dup2(out, 1) < 0 || dup2(nul, 2) < 0)
        _exit(1);
    (void)syscall(SYS_close_range, 3U, ~0U, 0U);
    pid = copy_process();
    if (pid == 0)
        become_program(argv);
    /* The end of the program's output must be the end of all output. */
    close(1);
    while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
        continue;
    _exit(0);
}

/* ---- in the host process ---- */

/* true: the whole output was read, up to its end. */
static bool read_all(int fd, char *text, size_t size, size_t *len)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int64_t end = nhi_clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS, left;
    ssize_t n = 1;

    *len = 0;
    while (n != 0 && *len < size - 1 && (left = end - nhi_clock_ms(CLOCK_MONOTONIC)) > 0) {
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        n = read(fd, text + *len, size - 1 - *len);
        if (n > 0)
            *len += (size_t)n;
        else if (n < 0 && errno != EINTR)
            break;
    }
    text[*len] = '\0';
    return n == 0;
}

/* The program's output; an empty text if it could not be started. */
static void run(char *const argv[], char *text, size_t size)
{
    sigset_t all, was;
    size_t len;
    int fd[2];
    pid_t pid;
    bool whole;

    text[0] = '\0';
    if (pipe2(fd, O_CLOEXEC) != 0)
        return;
    /* No signal handler of the host process may run in the copy. */
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &was);
    pid = copy_process();
    if (pid == 0)
        be_copy(fd[1], argv);
    (void)sigprocmask(SIG_SETMASK, &was, NULL);
    close(fd[1]);
    whole = pid > 0 && read_all(fd[0], text, size, &len);
    close(fd[0]);
    while (pid > 0 && waitpid(pid, NULL, __WALL | (whole ? 0 : WNOHANG)) < 0 && errno == EINTR)
        continue;
}

/* ---- the answer ---- */

static void blind(struct nhi_elsewhere *out, const char *source, const char *why)
{
    if (out->blind[0] == '\0')
        snprintf(out->blind, sizeof(out->blind), "%.32s %s", source, why);
}

static void take_account(struct nhi_elsewhere *out, const uint32_t *uid, uint32_t u, uint32_t g)
{
    if (out->found && (uid == NULL || out->uid == *uid || u != *uid))
        return;
    out->found = true;
    out->uid = u;
    out->gid = g;
}

/* One line each: "? SOURCE": this source is asked next; "a UID GID": an account; "g GID": a group; "p NAME": the name
 * of a privileged one; "b WHY": the source gave no answer; ".": the end. */
static enum nhi_err take_answer(char *text, const uint32_t *uid, struct nhi_elsewhere *out)
{
    char source[33] = "nhi-nss-ask", why[28], *save = NULL, *line;
    enum nhi_err err = NHI_OK;
    bool whole = false;
    uint32_t a, b, *more;
    size_t room = 0; /* for gids */

    out->unasked = true;
    for (line = strtok_r(text, "\n", &save); line != NULL && err == NHI_OK && !whole;
         line = strtok_r(NULL, "\n", &save)) {
        if (sscanf(line, "? %32s", source) == 1) {
            out->unasked = false;
            continue;
        }
        if (sscanf(line, "a %u %u", &a, &b) == 2) {
            take_account(out, uid, a, b);
        } else if (sscanf(line, "g %u", &a) == 1) {
            more = nhi_grow(out->gids, &room, out->count + 1, sizeof(*more));
            err = more != NULL ? NHI_OK : NHI_ERR_NOMEM;
            out->gids = more != NULL ? more : out->gids;
            if (more != NULL)
                out->gids[out->count++] = a;
        } else if (sscanf(line, "b %27[ -~]", why) == 1) {
            blind(out, source, why);
        } else if (sscanf(line, "p %32[ -~]", out->privileged) != 1) {
            whole = strcmp(line, ".") == 0;
        }
    }
    if (err == NHI_OK && !whole) {
        blind(out, source, LATE);
        if (once.on)
            memcpy(once.late, source, sizeof(once.late));
    }
    return err;
}

enum nhi_err nhi_elsewhere_ask(const char *name, const uint32_t *uid, bool who, const uint32_t *gids, size_t count,
                               struct nhi_elsewhere *out)
{
    char program[] = PROGRAM, yes[] = "account", no[] = "groups";
    char *text = NULL, *numbers = NULL, *mine = NULL, **argv = NULL;
    bool any = false;
    enum nhi_err err;

    memset(out, 0, sizeof(*out));
    err = nhi_nsswitch_each(note_any, &any);
    if (err != NHI_OK || !any)
        return err;
    if (once.late[0] != '\0') {
        blind(out, once.late, LATE);
        return NHI_OK;
    }
    err = NHI_ERR_NOMEM;
    text = malloc(ANSWER_MAX);
    mine = strdup(name);
    numbers = calloc(count + 1, NUMBER_LEN);
    argv = calloc(count + 4, sizeof(*argv));
    if (text == NULL || mine == NULL || numbers == NULL || argv == NULL)
        goto out;
    argv[0] = program;
    argv[1] = who ? yes : no;
    argv[2] = mine;
    for (size_t i = 0; i < count; i++) {
        argv[3 + i] = numbers + i * NUMBER_LEN;
        snprintf(argv[3 + i], NUMBER_LEN, "%u", gids[i]);
    }
    run(argv, text, ANSWER_MAX);
    err = take_answer(text, uid, out);
out:
    free(text);
    free(mine);
    free(numbers);
    free(argv);
    return err;
}

void nhi_elsewhere_once(bool on)
{
    once.on = on;
    once.late[0] = '\0';
}

void nhi_elsewhere_free(struct nhi_elsewhere *e)
{
    free(e->gids);
    e->gids = NULL;
    e->count = 0;
}
