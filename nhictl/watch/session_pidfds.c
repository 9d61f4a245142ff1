/* SPDX-License-Identifier: ISC */
#include "nhictl/watch/session_pidfds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "nhictl/end/end.h"

#define FILES_WANTED 65536
#define FILES_LEFT 64 /* for the ledger, the heartbeat, /proc and sessions that are being ended */

struct session_pidfd {
    char handle[SESSION_HANDLE_MAX + 1];
    int fd; /* -1: none */
};

enum nhi_err session_pidfds_open(struct session_pidfds *l)
{
    struct rlimit files = { .rlim_cur = 0 }, more;

    /* One for each session; if root may raise its own limits, more than it was given. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        more.rlim_max = files.rlim_max > FILES_WANTED ? files.rlim_max : FILES_WANTED;
        more.rlim_cur = more.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
            files = more;
        } else if (files.rlim_cur < files.rlim_max) {
            files.rlim_cur = files.rlim_max;
            (void)setrlimit(RLIMIT_NOFILE, &files);
        }
    }
    l->room = files.rlim_cur > FILES_LEFT ? (size_t)files.rlim_cur - FILES_LEFT : 0;
    l->wait = epoll_create1(EPOLL_CLOEXEC);
    return l->wait >= 0 ? NHI_OK : NHI_ERR_SYS;
}

static int follow_member(const struct session *s, struct procs *p)
{
    struct members m = { .count = 0 };
    int fd = -1;

    if (p->count == 0 && procs_scan(p) != NHI_OK)
        return -1;
    if (session_members(s, p, &m) == NHI_OK)
        for (size_t i = 0; i < m.count && fd < 0; i++)
            fd = procs_open(&m.all[i]);
    members_free(&m);
    return fd;
}

static int take_over(struct session_pidfds *l, const char *handle)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->all[i].fd >= 0 && strcmp(l->all[i].handle, handle) == 0) {
            int fd = l->all[i].fd;

            l->all[i].fd = -1;
            return fd;
        }
    return -1;
}

/* Whether a followed session is no longer in s. */
static bool one_has_gone(const struct session_pidfds *l, const struct sessions *s)
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

static void drop_all(struct session_pidfds *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->all[i].fd >= 0)
            close(l->all[i].fd);
    free(l->all);
    l->all = NULL;
    l->count = 0;
}

bool session_pidfds_follow(struct session_pidfds *l, const struct sessions *s)
{
    struct session_pidfd *all = s->count > 0 ? calloc(s->count, sizeof(*all)) : NULL;
    struct procs p = { .count = 0 };
    bool each = !one_has_gone(l, s);
    size_t used = 0;

    if (s->count > 0 && all == NULL)
        return false;
    l->some_are_not = false;
    for (size_t i = 0; i < s->count; i++) {
        memcpy(all[i].handle, s->all[i].handle, sizeof(all[i].handle));
        all[i].fd = take_over(l, all[i].handle);
        used += all[i].fd >= 0;
    }
    drop_all(l);
    for (size_t i = 0; i < s->count; i++) {
        struct epoll_event e = { .events = EPOLLIN };

        if (all[i].fd >= 0)
            continue;
        if (used >= l->room) {
            l->some_are_not = true;
            continue;
        }
        errno = 0;
        all[i].fd = procs_open(&s->all[i].g.self);
        if (all[i].fd < 0)
            all[i].fd = follow_member(&s->all[i], &p);
        if (all[i].fd >= 0) {
            used++;
            e.data.fd = all[i].fd;
            (void)epoll_ctl(l->wait, EPOLL_CTL_ADD, all[i].fd, &e);
        }
        /* If descriptors are short, looking again at once would not help. */
        each = each && (all[i].fd >= 0 || errno == EMFILE || errno == ENFILE);
    }
    procs_free(&p);
    l->all = all;
    l->count = s->count;
    return each;
}

bool session_pidfds_take(struct session_pidfds *l)
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

void session_pidfds_close(struct session_pidfds *l)
{
    drop_all(l);
    if (l->wait >= 0)
        close(l->wait);
    l->wait = -1;
}
