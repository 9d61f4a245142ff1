/* SPDX-License-Identifier: ISC */
/*
 * Ways in which a process can try to be missed when its session is ended. Each runs until it is killed, or for five
 * minutes: a failure to end it must not let it fill the process table of the whole machine.
 *
 *   escape sleep               without any trick
 *   escape deaf                ignores SIGTERM, SIGHUP and SIGINT
 *   escape orphan              forked twice, in a session of its own, its parents ended
 *   escape forks N             N processes at once, in sessions of their own
 *   escape breed N             processes that keep forking, up to N of this user's at a time
 *   escape hop                 a process that is another one every moment: it forks, and the child continues
 *   escape chain US            the same as fast as it can, or with US microseconds between; for two minutes
 *   escape headless            its first thread has ended, which makes it look like a zombie
 *   escape traced              a child in a ptrace stop, which stays when its tracer ends
 *   escape traced-exitkill     the same, and it would end with its tracer
 *   escape stuck DIR           waits in the kernel for a file system on DIR that no process serves, where SIGKILL does
 *                              not reach; root mounts it, as anybody can in a user namespace of their own
 *
 *   escape reaper COMMAND...   is no escape: runs COMMAND, and reaps at once whatever ends below it, as fast as the
 *                              fastest chain makes it
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIFE 300  /* seconds */
#define HOPS 5000 /* of them at most, which can be as many zombies until they are reaped */

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

/* The limit is on forking: it does not apply to root, and protects the machine. Ended processes count until they are
 * reaped. */
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

/* Not faster than a machine's process 1 reaps. */
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

#define LINKS 4 /* stacks of the chain: the previous process may still exist when the next begins */

static struct {
    _Alignas(16) char stack[LINKS][16384];
    long us;
    unsigned long count;
    time_t end;
} chain;

/* All of them share one memory: becoming another one costs no more than some ten microseconds. */
static int link_of_chain(void *unused)
{
    const struct timespec pause_of = { .tv_nsec = chain.us * 1000 };

    if (chain.us > 0)
        (void)nanosleep(&pause_of, NULL);
    chain.count++;
    while (time(NULL) < chain.end && clone(link_of_chain, chain.stack[chain.count % LINKS] + sizeof(chain.stack[0]),
                                           CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, unused) < 0)
        (void)sched_yield();
    _exit(0);
}

static _Noreturn void run_chain(long us)
{
    deafen();
    if (fork() != 0)
        _exit(0);
    (void)setsid();
    chain.us = us;
    chain.end = time(NULL) + 120;
    (void)link_of_chain(NULL);
    _exit(0);
}

/* The waiting process has the descriptor, too, so that the file system exists as long as it waits. */
static _Noreturn void stuck(const char *dir)
{
    _Alignas(struct fuse_in_header) char buf[65536];
    const struct fuse_in_header *in = (const void *)buf;
    struct {
        struct fuse_out_header head;
        struct fuse_init_out init;
    } out = { .head = { .len = sizeof(out) }, .init = { .major = 7, .minor = 31, .max_write = 4096 } };
    int fd = open("/dev/fuse", O_RDWR);
    char options[80], file[4096];
    struct stat st;

    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
    snprintf(file, sizeof(file), "%s/x", dir);
    if (fd < 0 || mount("stuck", dir, "fuse", 0, options) != 0 || read(fd, buf, sizeof(buf)) < 0)
        die("mount");
    out.head.unique = in->unique;
    if (write(fd, &out, sizeof(out)) < 0)
        die("write");
    if (fork() == 0) {
        (void)stat(file, &st);
        _exit(0);
    }
    while (read(fd, buf, sizeof(buf)) >= 0 && in->opcode != FUSE_LOOKUP)
        continue;
    puts("stuck");
    (void)fflush(stdout);
    rest();
}

static _Noreturn void reaper(char *const argv[])
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        die("prctl");
    if (fork() == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        execvp(argv[0], argv);
        die(argv[0]);
    }
    signal(SIGCHLD, SIG_IGN);
    while (wait(NULL) > 0 || errno == EINTR)
        continue;
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
    if (pid < 0 || ptrace(PTRACE_SEIZE, pid, 0, options) != 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0 ||
        waitpid(pid, &status, __WALL) != pid)
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
    if (strcmp(way, "chain") == 0)
        run_chain(n);
    if (strcmp(way, "stuck") == 0 && argc > 2)
        stuck(argv[2]);
    if (strcmp(way, "reaper") == 0 && argc > 2)
        reaper(argv + 2);
    if (strcmp(way, "headless") == 0)
        headless();
    if (strcmp(way, "traced") == 0)
        traced(0);
    if (strcmp(way, "traced-exitkill") == 0)
        traced(PTRACE_O_EXITKILL);
    fputs("usage: escape sleep|deaf|orphan|forks N|breed N|hop|chain US|headless|traced|traced-exitkill|stuck DIR|"
          "reaper COMMAND\n",
          stderr);
    return 125;
}
