#include "nhictl/leaders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nhictl/end.h"

struct leader {
    char handle[SESSION_HANDLE_MAX + 1];
    int fd; /* -1: none */
};

enum nhi_err leaders_open(struct leaders *l)
{
    struct rlimit files;

    /* One for each session. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    l->wait = epoll_create1(EPOLL_CLOEXEC);
    return l->wait >= 0 ? NHI_OK : NHI_ERR_SYS;
}

/* The descriptor is of what has that pid now: it is asked who that is. */
static int follow_process(const struct nhi_proc *p)
{
    int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    struct nhi_proc now;
    pid_t parent;

    if (fd < 0)
        return -1;
    if (nhi_proc_read(p->pid, &now, &parent) == NHI_OK && now.start == p->start)
        return fd;
    close(fd);
    return -1;
}

static int follow_member(const struct session *s, struct procs *p)
{
    struct members m = { .count = 0 };
    int fd = -1;

    if (p->count == 0 && procs_scan(p) != NHI_OK)
        return -1;
    if (session_members(s, p, &m) == NHI_OK)
        for (size_t i = 0; i < m.count && fd < 0; i++)
            fd = follow_process(&m.all[i]);
    members_free(&m);
    return fd;
}

static int take_over(struct leaders *l, const char *handle)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->all[i].fd >= 0 && strcmp(l->all[i].handle, handle) == 0) {
            int fd = l->all[i].fd;

            l->all[i].fd = -1;
            return fd;
        }
    return -1;
}

/* Whether one that was followed is in s no more. */
static bool one_has_gone(const struct leaders *l, const struct sessions *s)
{
    for (size_t i = 0; i < l->count; i++) {
        size_t k = 0;

        while (k < s->count && strcmp(l->all[i].handle, s->all[k].handle) != 0)
            k++;
        if (k == s->count)
            return true;
    }
    return false;
}

static void drop_all(struct leaders *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->all[i].fd >= 0)
            close(l->all[i].fd);
    free(l->all);
    l->all = NULL;
    l->count = 0;
}

bool leaders_follow(struct leaders *l, const struct sessions *s)
{
    struct leader *all = s->count > 0 ? calloc(s->count, sizeof(*all)) : NULL;
    struct procs p = { .count = 0 };
    bool each = !one_has_gone(l, s);

    if (s->count > 0 && all == NULL)
        return false;
    for (size_t i = 0; i < s->count; i++) {
        struct epoll_event e = { .events = EPOLLIN };

        memcpy(all[i].handle, s->all[i].handle, sizeof(all[i].handle));
        all[i].fd = take_over(l, all[i].handle);
        if (all[i].fd >= 0)
            continue;
        errno = 0;
        all[i].fd = follow_process(&s->all[i].g.self);
        if (all[i].fd < 0)
            all[i].fd = follow_member(&s->all[i], &p);
        if (all[i].fd >= 0) {
            e.data.fd = all[i].fd;
            (void)epoll_ctl(l->wait, EPOLL_CTL_ADD, all[i].fd, &e);
        }
        /* Where descriptors are short, looking again at once would not help. */
        each = each && (all[i].fd >= 0 || errno == EMFILE || errno == ENFILE);
    }
    procs_free(&p);
    drop_all(l);
    l->all = all;
    l->count = s->count;
    return each;
}

bool leaders_take(struct leaders *l)
{
    struct epoll_event ended[64];
    int n = epoll_wait(l->wait, ended, sizeof(ended) / sizeof(ended[0]), 0);

    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < l->count; i++)
            if (l->all[i].fd == ended[k].data.fd) {
                close(l->all[i].fd);
                l->all[i].fd = -1;
            }
    return n > 0;
}

void leaders_close(struct leaders *l)
{
    drop_all(l);
    if (l->wait >= 0)
        close(l->wait);
    l->wait = -1;
}
