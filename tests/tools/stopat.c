/* SPDX-License-Identifier: ISC */
/*
 * Stops or kills a program, set-uid or not, at its Kth system call, and leaves it in that state.
 *
 *   stopat EXE K stop|kill [--changes DIRECTORY[:DIRECTORY...]] -- PROGRAM ARG...
 *
 * With --changes, only those calls of EXE are counted that can change a file below one of these directories: between
 * two of them, the files on disk are the same after every call.
 *
 * PROGRAM must execute EXE, itself or in a child. From there on, the system calls of all its processes are counted;
 * when the Kth is entered, all of them get SIGSTOP or SIGKILL. Stopped processes stay stopped when this program ends:
 * their pids are printed, one on each line, and their own output is discarded, or a reader of our output would wait for
 * it. To be run as root, since the stopped program may be set-uid.
 *
 * Exit status: 0 it was stopped or killed; 3 it made fewer than K calls (how many is printed); 4 it did not end within
 * a minute; 125 anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRACEES_MAX 64
#define SYSCALL_STOP (SIGTRAP | 0x80)
#define OPTIONS \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)

static struct {
    const char *exe, *changes; /* NULL: any call counts */
    long k, count;
    bool counting, kill;
    pid_t pids[TRACEES_MAX]; /* 0: free */
} run;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(125);
}

static void on_alarm(int sig)
{
    (void)sig;
    _exit(4);
}

static void remember(pid_t pid)
{
    int at = -1;

    for (int i = 0; i < TRACEES_MAX; i++) {
        if (run.pids[i] == pid)
            return;
        if (run.pids[i] == 0 && at < 0)
            at = i;
    }
    if (at < 0) {
        errno = ECHILD;
        die("too many processes");
    }
    run.pids[at] = pid;
}

static int forget(pid_t pid)
{
    int left = 0;

    for (int i = 0; i < TRACEES_MAX; i++) {
        if (run.pids[i] == pid)
            run.pids[i] = 0;
        left += run.pids[i] != 0;
    }
    return left;
}

static bool executes(pid_t pid)
{
    char link[64], path[4096];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
    n = readlink(link, path, sizeof(path) - 1);
    if (n < 0)
        return false;
    path[n] = '\0';
    return strcmp(path, run.exe) == 0;
}

/* How a call names what it changes: by a descriptor, or by a path. */
enum by { BY_NOTHING, BY_FD, BY_PATH, BY_PATH_AT, BY_OPEN_AT };

static enum by changes_by(uint64_t nr)
{
    switch (nr) {
    case SYS_write:
    case SYS_pwrite64:
    case SYS_ftruncate:
    case SYS_fchmod:
    case SYS_fchown:
    case SYS_fsetxattr:
    case SYS_utimensat: /* when futimens calls it */
        return BY_FD;
#ifdef SYS_unlink
    case SYS_unlink:
    case SYS_rmdir:
    case SYS_mkdir:
    case SYS_rename:
        return BY_PATH;
#endif
    case SYS_unlinkat:
    case SYS_mkdirat:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_linkat:
        return BY_PATH_AT;
    case SYS_openat:
        return BY_OPEN_AT;
    default:
        return BY_NOTHING;
    }
}

static void read_path(pid_t pid, uint64_t at, char path[4096])
{
    union {
        uint64_t number;
        void *address;
    } from = { .number = at };
    struct iovec to = { path, 4095 }, what = { from.address, 4095 };
    ssize_t n = process_vm_readv(pid, &to, 1, &what, 1, 0);

    /* It may end at the end of a mapping. */
    if (n < 0) {
        what.iov_len = to.iov_len = 4096 - at % 4096 < 4095 ? 4096 - at % 4096 : 4095;
        n = process_vm_readv(pid, &to, 1, &what, 1, 0);
    }
    path[n > 0 ? n : 0] = '\0';
}

static void read_fd(pid_t pid, uint64_t fd, char path[4096])
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof(link), (int)fd == AT_FDCWD ? "/proc/%d/cwd" : "/proc/%d/fd/%d", (int)pid, (int)fd);
    n = readlink(link, path, 4095);
    path[n > 0 ? n : 0] = '\0';
}

static bool is_below(const char *path)
{
    for (const char *dir = run.changes; *dir != '\0'; dir += strspn(dir, ":")) {
        size_t len = strcspn(dir, ":");

        if (strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0'))
            return true;
        dir += len;
    }
    return false;
}

static bool counts(pid_t pid, const struct __ptrace_syscall_info *info)
{
    enum by by = changes_by(info->entry.nr);
    uint64_t arg[6];
    char path[4096] = "";

    if (run.changes == NULL)
        return true;
    for (int i = 0; i < 6; i++)
        arg[i] = info->entry.args[i];
    if (by == BY_NOTHING || !executes(pid) || (by == BY_OPEN_AT && (arg[2] & (O_CREAT | O_TRUNC)) == 0))
        return false;
    if (by == BY_FD)
        read_fd(pid, arg[0], path);
    else
        read_path(pid, arg[by == BY_PATH ? 0 : 1], path);
    if (by != BY_FD && by != BY_PATH && path[0] != '/')
        read_fd(pid, arg[0], path);
    return is_below(path);
}

static bool enters_syscall(pid_t pid)
{
    struct __ptrace_syscall_info info;

    memset(&info, 0, sizeof(info));
    return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY &&
           counts(pid, &info);
}

/* Waits until the kernel reports that it has stopped. An ended process counts as well: it was at its exit. */
static void wait_at_rest(pid_t pid)
{
    const struct timespec tick = { .tv_nsec = 200000 };
    char path[64], line[512], *end;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (;;) {
        FILE *f = fopen(path, "re");
        bool got = f != NULL && fgets(line, sizeof(line), f) != NULL;

        if (f != NULL)
            fclose(f);
        end = got ? strrchr(line, ')') : NULL;
        if (end == NULL || end[2] == 'T' || end[2] == 'Z' || end[2] == 'X')
            return;
        nanosleep(&tick, NULL);
    }
}

/* The process at its system call is in a ptrace stop; the others are interrupted wherever they are. */
static int end_all(void)
{
    for (int i = 0; i < TRACEES_MAX; i++)
        if (run.pids[i] != 0)
            kill(run.pids[i], run.kill ? SIGKILL : SIGSTOP);
    if (run.kill)
        return 0;
    for (int i = 0; i < TRACEES_MAX; i++) {
        pid_t pid = run.pids[i];

        if (pid == 0)
            continue;
        if (ptrace(PTRACE_DETACH, pid, 0, 0) != 0 && errno == ESRCH) {
            int status;

            ptrace(PTRACE_INTERRUPT, pid, 0, 0);
            if (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
                ptrace(PTRACE_DETACH, pid, 0, 0);
        }
        /* A process that was about to take its SIGSTOP has lost it by being continued. */
        kill(pid, SIGSTOP);
        wait_at_rest(pid);
        printf("%d\n", (int)pid);
    }
    return 0;
}

/* Interprets one stop; returns the signal to continue with. */
static int look_at(pid_t pid, int status)
{
    int sig = WSTOPSIG(status), event = status >> 16;

    if (event == PTRACE_EVENT_EXEC && executes(pid))
        run.counting = true;
    if (sig == SYSCALL_STOP && run.counting && enters_syscall(pid))
        run.count++;
    return event != 0 || sig == SYSCALL_STOP ? 0 : sig;
}

static int trace(void)
{
    int status, left = 1;

    while (left > 0) {
        pid_t pid = waitpid(-1, &status, __WALL);
        bool group_stop;
        int sig;

        if (pid < 0)
            die("waitpid");
        if (!WIFSTOPPED(status)) {
            left = forget(pid);
            continue;
        }
        remember(pid);
        sig = look_at(pid, status);
        if (run.count == run.k)
            return end_all();
        group_stop = status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP;
        if (group_stop)
            ptrace(PTRACE_LISTEN, pid, 0, 0);
        else
            ptrace(run.counting && (run.changes == NULL || executes(pid)) ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, sig);
    }
    printf("%ld\n", run.count);
    return 3;
}

int main(int argc, char **argv)
{
    int gate[2], program = 4;
    char c = 0;
    pid_t pid;

    if (argc > 6 && strcmp(argv[4], "--changes") == 0) {
        run.changes = argv[5];
        program = 6;
    }
    if (argc < program + 2 || strcmp(argv[program++], "--") != 0) {
        fputs("usage: stopat EXE K stop|kill [--changes DIRECTORY...] -- PROGRAM ARG...\n", stderr);
        return 125;
    }
    run.exe = argv[1];
    run.k = strtol(argv[2], NULL, 10);
    run.kill = strcmp(argv[3], "kill") == 0;
    if (pipe(gate) != 0)
        die("pipe");
    pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        /* A session of its own: ours ends before this one is continued. */
        setsid();
        close(gate[1]);
        if (read(gate[0], &c, 1) != 1)
            _exit(125);
        close(gate[0]);
        if (freopen("/dev/null", "w", stdout) == NULL)
            die("/dev/null");
        execvp(argv[program], argv + program);
        die(argv[program]);
    }
    remember(pid);
    if (ptrace(PTRACE_SEIZE, pid, 0, OPTIONS) != 0)
        die("ptrace");
    signal(SIGALRM, on_alarm);
    alarm(60);
    close(gate[0]);
    if (write(gate[1], &c, 1) != 1)
        die("write");
    close(gate[1]);
    return trace();
}
