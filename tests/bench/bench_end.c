/* SPDX-License-Identifier: ISC */
/*
 * How long a session outlives its ticket: from the start of nhictl revoke until the last process has ended, without a
 * grace, compared with what any program would need to start and to kill as many. And what the supervisor costs while
 * nothing happens.
 *
 * Each session is three processes in an audit session of its own: one that has registered it, one that left its process
 * group, and an orphan. There are no cgroups for sessions here, so the slower way is measured. No supervisor helps. The
 * machine has OTHERS more processes, which must be looked at.
 *
 * All of it is in a PID namespace of its own, which ends with this one, however that ends.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/session/session.h"
#include "tests/lib/bench.h"
#include "tests/lib/world.h"

#define EACH 3   /* processes of a session */
#define MOST 100 /* sessions that end at once */
#define ROUNDS_MOST 200
#define IDLE 1000   /* sessions, with one process each */
#define IDLE_FOR 60 /* seconds */
#define OTHERS 200

static char nhictl[4096];
static struct pollfd fds[MOST * EACH];
static size_t open_fds;

static _Noreturn void die(const char *what)
{
    perror(what);
    _exit(1);
}

static _Noreturn void rest(void)
{
    for (;;)
        pause();
}

/* ---- sessions ---- */

static void register_self(const struct nhi_ticket *t)
{
    struct nhi_grant g = { .at = time(NULL), .reason = NHI_PERMIT, .source = NHI_FROM_PROMPT, .ticket = *t };
    pid_t parent;

    snprintf(g.service, sizeof(g.service), "sshd");
    snprintf(g.subject, sizeof(g.subject), "ci-bot");
    if (nhi_id_new(g.id) != NHI_OK || nhi_boot_id(g.boot) != NHI_OK ||
        nhi_proc_read(getpid(), &g.self, &parent) != NHI_OK ||
        nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &g, NHI_OF_LOGIN, WORLD_AGENT_UID) != NHI_OK)
        die("session");
}

/* Each of its processes writes its pid when it is ready. t NULL: no session, only processes. */
static void begin(const struct nhi_ticket *t, int processes, int out)
{
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid > 0)
        return;
    if (t != NULL)
        register_self(t);
    for (int i = 1; i < processes; i++) {
        pid = fork();
        if (pid != 0)
            continue;
        (void)setsid();
        if (i == 2 && fork() != 0)
            _exit(0);
        break;
    }
    pid = getpid();
    if (write(out, &pid, sizeof(pid)) != sizeof(pid))
        _exit(1);
    rest();
}

static void begin_all(const struct nhi_ticket *t, int sessions, int processes, bool watch)
{
    int p[2];
    pid_t pid;

    open_fds = 0;
    if (pipe(p) != 0)
        die("pipe");
    for (int i = 0; i < sessions; i++)
        begin(t, processes, p[1]);
    for (int i = 0; i < sessions * processes; i++) {
        if (read(p[0], &pid, sizeof(pid)) != sizeof(pid))
            die("read");
        if (watch)
            fds[open_fds++] = (struct pollfd){ .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
    }
    close(p[0]);
    close(p[1]);
}

static void wait_until_gone(void)
{
    for (size_t i = 0; i < open_fds; i++) {
        while (poll(&fds[i], 1, -1) != 1)
            ;
        close(fds[i].fd);
    }
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

/* ---- the end of all of them ---- */

static pid_t start(const char *program, const char *verb, const char *option, const char *value)
{
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(127);
        execl(program, program, verb, option, value, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static double end_by_nhictl(const struct nhi_ticket *t)
{
    double began = now_us(), took;
    int status;
    pid_t pid = start(nhictl, "revoke", "--ticket", t->jti);

    for (size_t i = 0; i < open_fds; i++)
        while (poll(&fds[i], 1, -1) != 1)
            ;
    took = now_us() - began;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("nhictl revoke");
    wait_until_gone();
    return took;
}

/* The floor: a program is started, and as many processes are killed. */
static double end_by_kill(void)
{
    double began = now_us();
    int status;
    pid_t pid = start("/bin/true", NULL, NULL, NULL);

    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("true");
    for (size_t i = 0; i < open_fds; i++)
        (void)syscall(SYS_pidfd_send_signal, fds[i].fd, SIGKILL, NULL, 0);
    wait_until_gone();
    return now_us() - began;
}

static struct nhi_ticket fresh_ticket(void)
{
    struct nhi_ticket t = world_ticket();
    struct nhi_ledger *l = world_ledger();

    if (nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, time(NULL)) != NHI_OK)
        die("ticket");
    world_commit(l);
    return t;
}

static void row(const char *what, int sessions, double *us, int rounds, double floor)
{
    double middle = median(us, (size_t)rounds);

    printf("%-26s %4d %6d %10.1f ms %10.1f ms %10.1f ms %8.1fx\n", what, sessions, rounds, middle / 1e3,
           us[rounds * 99 / 100] / 1e3, us[rounds - 1] / 1e3, middle / floor);
}

static void measure(int sessions, int rounds)
{
    static double ours[ROUNDS_MOST], theirs[ROUNDS_MOST];
    double floor;

    for (int i = 0; i < rounds; i++) {
        struct nhi_ticket t = fresh_ticket();

        begin_all(&t, sessions, EACH, true);
        ours[i] = end_by_nhictl(&t);
        begin_all(NULL, sessions, EACH, true);
        theirs[i] = end_by_kill();
    }
    floor = median(theirs, (size_t)rounds);
    row("true, and kill", sessions, theirs, rounds, floor);
    row("nhictl revoke", sessions, ours, rounds, floor);
}

/* ---- the supervisor, idle ---- */

struct cost {
    double cpu_us; /* of processor time */
    long wakes, rss_kib;
};

static long field(pid_t pid, const char *name)
{
    char path[64], line[256];
    long value = -1;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    f = fopen(path, "re");
    while (f != NULL && value < 0 && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtol(line + strlen(name), NULL, 10);
    if (f == NULL || value < 0)
        die(name);
    fclose(f);
    return value;
}

static struct cost cost_of(pid_t pid)
{
    struct cost c = { .wakes = field(pid, "voluntary_ctxt_switches:"), .rss_kib = field(pid, "VmRSS:") };
    unsigned long long ns = 0;
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/schedstat", (long)pid);
    f = fopen(path, "re");
    if (f == NULL || fscanf(f, "%llu", &ns) != 1)
        die(path);
    fclose(f);
    c.cpu_us = (double)ns / 1e3;
    return c;
}

static double time_true(void)
{
    static double took[ROUNDS_MOST];

    for (int i = 0; i < ROUNDS_MOST; i++) {
        double began = now_us();

        if (waitpid(start("/bin/true", NULL, NULL, NULL), NULL, 0) < 0)
            die("true");
        took[i] = now_us() - began;
    }
    return median(took, ROUNDS_MOST);
}

/* Until it has looked at everything that is new to it. */
static void wait_until_idle(pid_t pid)
{
    const struct timespec tick = { .tv_sec = 2 };
    double had = -1, has;

    while ((has = cost_of(pid).cpu_us) - had > 1000) {
        had = has;
        (void)nanosleep(&tick, NULL);
    }
}

static void measure_idle(void)
{
    const struct timespec span = { .tv_sec = IDLE_FOR };
    struct nhi_ticket t = fresh_ticket();
    struct cost before, after;
    double minute = 60.0 / IDLE_FOR, floor = time_true();
    pid_t pid;

    begin_all(&t, IDLE, 1, false);
    pid = start(nhictl, "watch", NULL, NULL);
    while (access(NHI_RUN_DIR "/watch", F_OK) != 0)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    wait_until_idle(pid);
    before = cost_of(pid);
    (void)nanosleep(&span, NULL);
    after = cost_of(pid);
    printf("nhictl watch, idle, %d sessions: %.2f ms of a processor in a minute (%.1f times /bin/true), %.0f wakeups, "
           "%ld KiB resident\n",
           IDLE, (after.cpu_us - before.cpu_us) * minute / 1e3, (after.cpu_us - before.cpu_us) * minute / floor,
           (double)(after.wakes - before.wakes) * minute, after.rss_kib);
    (void)kill(pid, SIGTERM);
    (void)waitpid(pid, NULL, 0);
    (void)waitpid(start(nhictl, "revoke", "--ticket", t.jti), NULL, 0);
}

/* Otherwise the log's socket fills up, and syslog waits. */
static void *read_log(void *unused)
{
    (void)unused;
    for (;;) {
        (void)world_log();
        (void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    return NULL;
}

static int bench(void)
{
    pthread_t reader;
    struct nhi_settings set;
    struct nhi_ledger *l;

    if (!world_enter() || mount("proc", "/proc", "proc", 0, NULL) != 0)
        return 1;
    world_reset();
    snprintf(nhictl, sizeof(nhictl), "%s/nhictl", getenv("BUILD"));
    if (pthread_create(&reader, NULL, read_log, NULL) != 0)
        return 1;
    l = world_ledger();
    if (nhi_ledger_settings(l, &set) != NHI_OK)
        return 1;
    set.grace = 0;
    set.unsupervised = true;
    if (nhi_ledger_set(l, &set) != NHI_OK)
        return 1;
    world_commit(l);
    begin_all(NULL, OTHERS, 1, false);
    printf("%-26s %4s %6s %13s %13s %13s %9s\n", "from start to last gone", "of", "rounds", "p50", "p99", "max",
           "ratio");
    measure(1, 40);
    measure(10, 20);
    measure(MOST, 10);
    measure_idle();
    return 0;
}

int main(void)
{
    int status;
    pid_t pid;

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (unshare(CLONE_NEWPID) != 0)
        die("a namespace of processes");
    pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        /* The first process of the namespace: when it ends, all others do. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
            die("prctl");
        return bench();
    }
    return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}
