/* SPDX-License-Identifier: ISC */
#include "libnhi/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/phase.h"

/* The kernel makes files of /proc when they are read, so one read gets a small file whole. For a process that has
 * ended, the error is ENOENT before its directory is found and ESRCH after that, for open as for read. */
enum nhi_err nhi_proc_file(const char *path, char *buf, size_t size)
{
    int fd, cause;
    ssize_t n;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ESRCH || errno == ENOENT ? NHI_ERR_NOT_FOUND : NHI_ERR_SYS;
    do
        n = read(fd, buf, size - 1);
    while (n < 0 && errno == EINTR);
    cause = errno;
    close(fd);
    errno = cause;
    if (n < 0)
        return cause == ESRCH ? NHI_ERR_NOT_FOUND : NHI_ERR_SYS;
    buf[n] = '\0';
    return NHI_OK;
}

int64_t nhi_now(void)
{
    struct timespec ts = { .tv_sec = 0 };

    (void)!clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail: clock and address are valid */
    return ts.tv_sec;
}

int64_t nhi_uptime(void)
{
    struct timespec ts;

    return clock_gettime(CLOCK_BOOTTIME, &ts) == 0 ? (int64_t)ts.tv_sec : 0;
}

int64_t nhi_clock_ms(clockid_t clock)
{
    struct timespec ts = { .tv_sec = 0 };

    (void)!clock_gettime(clock, &ts); /* as above */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

enum nhi_err nhi_boot_id(char out[37])
{
    char buf[64];
    enum nhi_err err;

    if (nhi_phase_boot(out))
        return NHI_OK;
    err = nhi_proc_file("/proc/sys/kernel/random/boot_id", buf, sizeof(buf));
    if (err != NHI_OK)
        return err;
    for (size_t i = 0; i < 36; i++)
        if (strchr("0123456789abcdef-", buf[i]) == NULL || buf[i] == '\0')
            return NHI_ERR_FORMAT;
    memcpy(out, buf, 36);
    out[36] = '\0';
    nhi_phase_boot_is(out);
    return NHI_OK;
}

enum nhi_err nhi_proc_init_start(uint64_t *start)
{
    struct nhi_proc init;
    enum nhi_err err;
    pid_t parent;

    if (nhi_phase_init(start))
        return NHI_OK;
    err = nhi_proc_read(1, &init, &parent);
    if (err != NHI_OK)
        return err;
    *start = init.start;
    nhi_phase_init_is(init.start);
    return NHI_OK;
}

/* What getdents64(2) writes to a buffer. */
struct entry {
    uint64_t inode;
    int64_t next;
    uint16_t length;
    uint8_t type;
    char name[];
};

#define AHEAD 256 /* processes that begin during a look; a limit, since a process can start others for ever */
#define ONE 32    /* bytes: the entry of one process, with at most seven digits */

/* Entries before those of the processes may have longer names. */
static long read_entries(int dir, void *buf, size_t size, size_t most)
{
    long n = syscall(SYS_getdents64, dir, buf, size);

    return n < 0 && errno == EINVAL ? syscall(SYS_getdents64, dir, buf, most) : n;
}

/* Calls fn with each process until it returns other than 0, or until AHEAD of them had a pid above newest. size: of the
 * buffer into which entries are read ahead. */
static enum nhi_err look_at_each(size_t size, long newest, int (*fn)(pid_t, void *), void *ctx)
{
    _Alignas(struct entry) char buf[4096];
    int dir, ahead = 0, stop = 0;
    long n = 0;

    dir = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return NHI_ERR_SYS;
    while (stop == 0 && ahead < AHEAD && (n = read_entries(dir, buf, size, sizeof(buf))) > 0)
        for (long at = 0, pid; at < n && stop == 0;) {
            const struct entry *e = (const void *)(buf + at);
            char *end;

            at += e->length;
            pid = strtol(e->name, &end, 10);
            if (pid <= 0 || *end != '\0')
                continue;
            ahead += pid > newest;
            stop = fn((pid_t)pid, ctx);
        }
    close(dir);
    return n < 0 ? NHI_ERR_SYS : NHI_OK;
}

static int note_newest(pid_t pid, void *ctx)
{
    long *newest = ctx;

    *newest = pid;
    return 0;
}

enum nhi_err nhi_proc_each(int (*fn)(pid_t, void *), void *ctx)
{
    long newest = 0;
    enum nhi_err err = look_at_each(4096, LONG_MAX, note_newest, &newest);

    /* One at a time: a process whose entry was read ahead may have ended long ago. */
    return err == NHI_OK ? look_at_each(ONE, newest, fn, ctx) : err;
}

uint64_t nhi_proc_namespace(void)
{
    struct stat st;

    return stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
}

enum nhi_err nhi_proc_stat(pid_t pid, struct nhi_proc_stat *out)
{
    unsigned long long start = 0;
    char path[32], buf[1024], *at, state = 0;
    enum nhi_err err;
    long ppid = 0, session = 0, threads = 0;
    int tty = 0;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    err = nhi_proc_file(path, buf, sizeof(buf));
    if (err != NHI_OK)
        return err;
    /* The process chooses the second field itself, which may have closing parentheses: skip to the last one. */
    at = strrchr(buf, ')');
    if (at == NULL || sscanf(at + 1, " %c %ld %*d %ld %d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu",
                             &state, &ppid, &session, &tty, &threads, &start) != 6)
        return NHI_ERR_FORMAT;
    out->self.pid = pid;
    out->self.start = start;
    out->parent = (pid_t)ppid;
    out->session = (pid_t)session;
    out->ended = (state == 'Z' || state == 'X') && threads <= 1;
    out->tty = (unsigned)tty;
    return NHI_OK;
}

enum nhi_err nhi_proc_read(pid_t pid, struct nhi_proc *self, pid_t *parent)
{
    struct nhi_proc_stat stat;
    enum nhi_err err = nhi_proc_stat(pid, &stat);

    if (err != NHI_OK)
        return err;
    *self = stat.self;
    *parent = stat.parent;
    return NHI_OK;
}

bool nhi_proc_is_alive(const struct nhi_proc *p)
{
    struct nhi_proc_stat now;
    enum nhi_err err = nhi_proc_stat(p->pid, &now);

    if (err != NHI_OK)
        return err != NHI_ERR_NOT_FOUND;
    return now.self.start == p->start && !now.ended;
}

/* A 32-bit number. All bits are set where nothing has set it, which then means everybody. */
static enum nhi_err read_number(pid_t pid, const char *file, uint32_t *out)
{
    char path[40], buf[24], *end;
    enum nhi_err err;
    unsigned long v;

    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
    err = nhi_proc_file(path, buf, sizeof(buf));
    if (err != NHI_OK)
        return err;
    errno = 0;
    v = strtoul(buf, &end, 10);
    if (end == buf || errno != 0 || v > UINT32_MAX)
        return NHI_ERR_FORMAT;
    if (v == UINT32_MAX)
        return NHI_ERR_NOT_FOUND;
    *out = (uint32_t)v;
    return NHI_OK;
}

enum nhi_err nhi_proc_audit(pid_t pid, uint32_t *session)
{
    return read_number(pid, "sessionid", session);
}

enum nhi_err nhi_proc_loginuid(pid_t pid, uint32_t *uid)
{
    return read_number(pid, "loginuid", uid);
}

/* Setting the login uid, even to its present value, begins a new audit session: audit_set_loginuid() in the kernel. It
 * needs CAP_AUDIT_CONTROL, and is refused after auditctl --loginuid-immutable. */
enum nhi_err nhi_proc_new_audit(uint32_t uid)
{
    uint32_t before = UINT32_MAX, after;
    char text[16];
    int fd, n;
    bool written;

    (void)!nhi_proc_audit(getpid(), &before);
    (void)!nhi_proc_loginuid(getpid(), &uid);
    fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return NHI_ERR_STATE;
    n = snprintf(text, sizeof(text), "%u", (unsigned)uid);
    written = write(fd, text, (size_t)n) == n;
    close(fd);
    return written && nhi_proc_audit(getpid(), &after) == NHI_OK && after != before ? NHI_OK : NHI_ERR_STATE;
}
