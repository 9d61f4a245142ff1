/*
 * What a process can do so as to be missed by whoever ends its session. Each way goes on until it is killed, or for
 * five minutes: nothing that fails to end it may let it fill the table of processes of the whole machine.
 *
 *   escape sleep               as it is
 *   escape deaf                without hearing SIGTERM, SIGHUP and SIGINT
 *   escape orphan              forked twice, in a session of its own, its parents gone
 *   escape forks N             N processes at once, in sessions of their own
 *   escape breed N             processes that go on forking, up to N of this user's at a time
 *   escape hop                 a process that is another every moment: it forks, and the child goes on
 *   escape headless            its first thread has ended, which makes it look like one that has
 *   escape traced              a child in a ptrace stop, which stays when its tracer ends
 *   escape traced-exitkill     the same, and it would end with its tracer
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIFE 300  /* seconds */
#define HOPS 5000 /* of them at most, which can be as many zombies until somebody takes them in */

static _Noreturn void rest(void)
{
    (void)alarm(LIFE);
    for (;;)
        pause();
}

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(125);
}

static void deafen(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
}

static _Noreturn void orphan(void)
{
    if (fork() != 0)
        _exit(0);
    (void)setsid();
    if (fork() != 0)
        _exit(0);
    rest();
}

static _Noreturn void forks(long n)
{
    for (long i = 0; i < n; i++)
        if (fork() == 0) {
            (void)setsid();
            rest();
        }
    rest();
}

/* The limit is one on forking: it spares root nothing, and the machine everything. What has ended counts until it is
 * taken in. */
static _Noreturn void breed(long n)
{
    const struct rlimit most = { (rlim_t)n, (rlim_t)n };
    const struct timespec tick = { .tv_nsec = 5000000 };
    const time_t end = time(NULL) + LIFE;

    if (setrlimit(RLIMIT_NPROC, &most) != 0)
        die("setrlimit");
    deafen();
    signal(SIGCHLD, SIG_IGN);
    while (time(NULL) < end) {
        (void)fork();
        (void)nanosleep(&tick, NULL);
    }
    _exit(0);
}

/* Not faster than a machine's process 1 takes in what has ended. */
static _Noreturn void hop(void)
{
    const struct timespec tick = { .tv_nsec = 2000000 };

    deafen();
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < HOPS; i++) {
        if (fork() > 0)
            _exit(0);
        (void)nanosleep(&tick, NULL);
    }
    _exit(0);
}

static void *stay(void *unused)
{
    (void)unused;
    rest();
}

static _Noreturn void headless(void)
{
    pthread_t other;

    if (pthread_create(&other, NULL, stay, NULL) != 0)
        die("pthread_create");
    (void)syscall(SYS_exit, 0);
    _exit(125);
}

static _Noreturn void traced(unsigned long options)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        rest();
    if (pid < 0 || ptrace(PTRACE_SEIZE, pid, 0, options) != 0 ||
        ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0 || waitpid(pid, &status, __WALL) != pid)
        die("ptrace");
    deafen();
    rest();
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    long n = argc > 2 ? strtol(argv[2], NULL, 10) : 0;

    if (strcmp(way, "sleep") == 0)
        rest();
    if (strcmp(way, "deaf") == 0) {
        deafen();
        rest();
    }
    if (strcmp(way, "orphan") == 0)
        orphan();
    if (strcmp(way, "forks") == 0)
        forks(n);
    if (strcmp(way, "breed") == 0)
        breed(n);
    if (strcmp(way, "hop") == 0)
        hop();
    if (strcmp(way, "headless") == 0)
        headless();
    if (strcmp(way, "traced") == 0)
        traced(0);
    if (strcmp(way, "traced-exitkill") == 0)
        traced(PTRACE_O_EXITKILL);
    fputs("usage: escape sleep|deaf|orphan|forks N|breed N|hop|headless|traced|traced-exitkill\n", stderr);
    return 125;
}
