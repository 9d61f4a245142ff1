/* SPDX-License-Identifier: ISC */
/*
 * MUST: never signal by a name, or by a pid alone. MUST: a process that cannot be looked at is left alone; one that has
 * ended meanwhile is no failure.
 */
#include "nhictl/process/procs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/proc.h"
#include "libnhi/session/cgroup.h"
#include "libnhi/session/cgroup_end.h"

#define PTS_MAJOR_FIRST 136 /* devices.txt of the kernel: Unix98 pseudo-terminals */
#define PTS_MAJOR_LAST 143
#define WALKS 20 /* in one hunt, at most */
#define LOOKS 3  /* at least: one look may miss a process that becomes another every moment */

/* ---- looking ---- */

bool procs_uids(pid_t pid, uint32_t uid[3])
{
    char path[32], line[256];
    bool found = false;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    f = fopen(path, "re");
    while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
        found = sscanf(line, "Uid: %u %u %u", &uid[0], &uid[1], &uid[2]) == 3;
    if (f != NULL)
        fclose(f);
    return found;
}

struct scan {
    struct procs *p;
    const uint32_t *audits; /* NULL: all */
    size_t count;
};

static int by_audit(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

static int take(pid_t pid, void *ctx)
{
    struct procs_one one = { .audit = UINT32_MAX }, *more;
    const struct scan *s = ctx;
    struct procs *p = s->p;

    if (pid == getpid())
        return 0;
    if (nhi_proc_audit(pid, &one.audit) != NHI_OK)
        one.audit = UINT32_MAX;
    if (s->audits != NULL && bsearch(&one.audit, s->audits, s->count, sizeof(one.audit), by_audit) == NULL)
        return 0;
    if (nhi_proc_stat(pid, &one.stat) != NHI_OK || one.stat.ended)
        return 0;
    more = nhi_grow(p->all, &p->room, p->count + 1, sizeof(*more));
    if (more == NULL) {
        p->full = true;
        return 1;
    }
    p->all = more;
    p->all[p->count++] = one;
    return 0;
}

static int by_pid(const void *a, const void *b)
{
    const struct procs_one *x = a, *y = b;

    return (x->stat.self.pid > y->stat.self.pid) - (x->stat.self.pid < y->stat.self.pid);
}

static enum nhi_err scan(struct scan *s)
{
    struct procs *p = s->p;
    enum nhi_err err;

    p->count = 0;
    p->narrow = s->audits != NULL;
    err = nhi_proc_each(take, s);
    if (p->count > 0)
        qsort(p->all, p->count, sizeof(*p->all), by_pid);
    return err == NHI_OK && p->full ? NHI_ERR_NOMEM : err;
}

enum nhi_err procs_scan(struct procs *p)
{
    struct scan s = { .p = p };

    return scan(&s);
}

enum nhi_err procs_scan_audits(struct procs *p, const uint32_t *audits, size_t count)
{
    struct scan s = { .p = p, .audits = audits, .count = count };

    return scan(&s);
}

void procs_free(struct procs *p)
{
    free(p->all);
    memset(p, 0, sizeof(*p));
}

/* ---- which session they belong to ---- */

static const struct procs_one *find_pid(const struct procs *p, pid_t pid)
{
    const struct procs_one key = { .stat = { .self = { .pid = pid } } };

    return p->count > 0 ? bsearch(&key, p->all, p->count, sizeof(key), by_pid) : NULL;
}

static const struct procs_one *find(const struct procs *p, const struct nhi_proc *q)
{
    const struct procs_one *one = find_pid(p, q->pid);

    return one != NULL && one->stat.self.start == q->start ? one : NULL;
}

enum nhi_err members_put(struct members *m, const struct nhi_proc *q)
{
    struct nhi_proc *more;

    more = nhi_grow(m->all, &m->room, m->count + 1, sizeof(*more));
    if (more == NULL)
        return NHI_ERR_NOMEM;
    m->all = more;
    m->all[m->count++] = *q;
    return NHI_OK;
}

static const struct nhi_proc *member(const struct members *m, pid_t pid)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->all[i].pid == pid)
            return &m->all[i];
    return NULL;
}

bool members_has(const struct members *m, pid_t pid)
{
    return member(m, pid) != NULL;
}

/* A look takes time: the process with that pid may be another one by now than the parent, but it is not older. */
static bool is_child(const struct members *m, const struct nhi_proc_stat *stat)
{
    const struct nhi_proc *parent = member(m, stat->parent);

    return parent != NULL && parent->start <= stat->self.start;
}

static enum nhi_err find_tree(struct members *m, const struct procs *p, const struct nhi_proc *root)
{
    enum nhi_err err = NHI_OK;
    size_t had = m->count, before;

    m->count = 0;
    for (size_t i = 0; i < had; i++)
        if (find(p, &m->all[i]) != NULL)
            m->all[m->count++] = m->all[i];
    if (!members_has(m, root->pid) && find(p, root) != NULL)
        err = members_put(m, root);
    /* A child's pid may be smaller than its parent's: until a look finds no more. */
    do {
        before = m->count;
        for (size_t i = 0; err == NHI_OK && i < p->count; i++)
            if (is_child(m, &p->all[i].stat) && !members_has(m, p->all[i].stat.self.pid))
                err = members_put(m, &p->all[i].stat.self);
    } while (err == NHI_OK && m->count > before);
    return err;
}

enum nhi_err members_find(struct members *m, const struct procs *p, enum members_of of, uint32_t id,
                          const struct nhi_proc *root)
{
    enum nhi_err err = NHI_OK;

    if (of == MEMBERS_OF_TREE)
        return root != NULL ? find_tree(m, p, root) : NHI_ERR_ARG;
    m->count = 0;
    for (size_t i = 0; err == NHI_OK && i < p->count; i++)
        if (p->all[i].audit == id)
            err = members_put(m, &p->all[i].stat.self);
    return err;
}

enum nhi_err members_add(struct members *m, const struct procs *p, pid_t pid)
{
    const struct procs_one *one = find_pid(p, pid);
    struct nhi_proc_stat stat;

    if (members_has(m, pid))
        return NHI_OK;
    if (one != NULL)
        return members_put(m, &one->stat.self);
    if (p->narrow && pid != getpid() && nhi_proc_stat(pid, &stat) == NHI_OK && !stat.ended)
        return members_put(m, &stat.self);
    return NHI_OK;
}

struct adding {
    struct members *m;
    const struct procs *p;
    enum nhi_err err;
};

static int add_pid(pid_t pid, void *ctx)
{
    struct adding *a = ctx;

    a->err = members_add(a->m, a->p, pid);
    return a->err != NHI_OK;
}

enum nhi_err members_add_cgroup(struct members *m, const struct procs *p, const char *handle)
{
    struct adding a = { .m = m, .p = p, .err = NHI_OK };
    enum nhi_err err = nhi_cgroup_each(handle, add_pid, &a);

    /* It may have none. */
    return err == NHI_ERR_STATE || err == NHI_ERR_NOT_FOUND ? NHI_OK : err == NHI_OK ? a.err : err;
}

void members_free(struct members *m)
{
    free(m->all);
    memset(m, 0, sizeof(*m));
}

/* ---- reaching processes ---- */

/* A killed process ends when it is scheduled, and one with lowered priority (nice, SCHED_IDLE) never is on a busy
 * machine. A higher priority than normal would not be safe: another process may have the pid by now. */
static void give_turn(pid_t thread)
{
    static const struct sched_param none = { 0 };
    int policy = sched_getscheduler(thread);

    if (policy == SCHED_IDLE || policy == SCHED_BATCH)
        (void)sched_setscheduler(thread, SCHED_OTHER, &none);
    if (getpriority(PRIO_PROCESS, (id_t)thread) > 0)
        (void)setpriority(PRIO_PROCESS, (id_t)thread, 0);
}

static void give_turns(pid_t pid)
{
    const struct dirent *e;
    char path[32];
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
    d = opendir(path);
    while (d != NULL && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            give_turn((pid_t)strtol(e->d_name, NULL, 10));
    if (d != NULL)
        closedir(d);
}

int procs_open(const struct nhi_proc *p)
{
    int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    struct nhi_proc now;
    pid_t parent;

    if (fd < 0)
        return -1;
    /* The descriptor is that of the process with this pid now: check which one it is. */
    if (nhi_proc_read(p->pid, &now, &parent) == NHI_OK && now.start == p->start)
        return fd;
    close(fd);
    return -1;
}

void members_signal(const struct members *m, int sig)
{
    for (size_t i = 0; i < m->count; i++) {
        int fd = procs_open(&m->all[i]);

        if (fd < 0)
            continue;
        /* Before the signal: it may be gone a moment later. */
        if (sig == SIGKILL)
            give_turns(m->all[i].pid);
        (void)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
        close(fd);
    }
}

struct hunt {
    bool (*is_prey)(pid_t, void *);
    void *ctx;
    size_t killed;
};

static int hunt_one(pid_t pid, void *ctx)
{
    struct hunt *h = ctx;
    int fd;

    fd = pid != getpid() ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (fd < 0)
        return 0;
    /* If another process has its pid by now, the descriptor is not that one's. */
    if (h->is_prey(pid, h->ctx) && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0) {
        give_turns(pid);
        h->killed++;
    }
    close(fd);
    return 0;
}

void procs_hunt(bool (*is_prey)(pid_t, void *), void *ctx)
{
    struct hunt h = { .is_prey = is_prey, .ctx = ctx };

    for (int walks = 0; walks < WALKS && (walks < LOOKS || h.killed > 0); walks++) {
        h.killed = 0;
        if (nhi_proc_each(hunt_one, &h) != NHI_OK)
            break;
    }
}

static bool write_to_terminal(unsigned tty, const char *line)
{
    bool told = false;
    char path[32];
    struct stat st;
    int fd;

    snprintf(path, sizeof(path), "/dev/pts/%u", (major(tty) - PTS_MAJOR_FIRST) * 256 + minor(tty));
    fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    /* In another mount, the name may belong to another terminal. */
    if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(major(tty), minor(tty)))
        told = write(fd, line, strlen(line)) > 0;
    close(fd);
    return told;
}

bool members_notify(const struct members *m, const struct procs *p, const char *line)
{
    unsigned told[64];
    bool any = false;
    size_t count = 0;

    for (size_t i = 0; i < m->count && count < sizeof(told) / sizeof(told[0]); i++) {
        const struct procs_one *one = find(p, &m->all[i]);
        unsigned tty = one != NULL ? one->stat.tty : 0;
        bool again = major(tty) < PTS_MAJOR_FIRST || major(tty) > PTS_MAJOR_LAST;

        for (size_t k = 0; k < count; k++)
            again = again || told[k] == tty;
        if (again)
            continue;
        told[count++] = tty;
        any = write_to_terminal(tty, line) || any;
    }
    return any;
}
