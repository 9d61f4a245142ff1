/* SPDX-License-Identifier: ISC */
#include "nhictl/watch/session_pidfds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/session/session_end.h"
#include "libnhi/session/session_list.h"
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

/* Closing alone is not enough: while another process has a copy of the descriptor, it would be reported for ever. */
static void let_go(const struct session_pidfds *l, struct session_pidfd *one)
{
    if (one->fd < 0)
        return;
    (void)epoll_ctl(l->wait, EPOLL_CTL_DEL, one->fd, NULL);
    close(one->fd);
    one->fd = -1;
}

static void drop_all(struct session_pidfds *l)
{
    for (size_t i = 0; i < l->count; i++)
        let_go(l, &l->all[i]);
    free(l->all);
    l->all = NULL;
    l->count = l->had_room = 0;
}

static size_t count_used(const struct session_pidfds *l)
{
    size_t used = 0;

    for (size_t i = 0; i < l->count; i++)
        used += l->all[i].fd >= 0;
    return used;
}

/* Follows one that is not followed yet. false: it has no process. */
static bool begin(struct session_pidfds *l, struct session_pidfd *one, const struct session *s, struct procs *p)
{
    struct epoll_event e = { .events = EPOLLIN };

    if (count_used(l) >= l->room) {
        l->some_are_not = true;
        return true;
    }
    errno = 0;
    one->fd = procs_open(&s->g.self);
    if (one->fd < 0)
        one->fd = follow_member(s, p);
    e.data.fd = one->fd;
    if (one->fd >= 0)
        (void)epoll_ctl(l->wait, EPOLL_CTL_ADD, one->fd, &e);
    /* If descriptors are short, looking again at once would not help. */
    return one->fd >= 0 || errno == EMFILE || errno == ENFILE;
}

bool session_pidfds_follow(struct session_pidfds *l, const struct sessions *s)
{
    struct session_pidfd *all = s->count > 0 ? calloc(s->count, sizeof(*all)) : NULL;
    struct procs p = { .count = 0 };
    bool each = !one_has_gone(l, s);

    if (s->count > 0 && all == NULL)
        return false;
    l->some_are_not = false;
    for (size_t i = 0; i < s->count; i++) {
        memcpy(all[i].handle, s->all[i].handle, sizeof(all[i].handle));
        all[i].fd = take_over(l, all[i].handle);
    }
    drop_all(l);
    l->all = all;
    l->count = l->had_room = s->count;
    for (size_t i = 0; i < s->count; i++)
        each = (all[i].fd >= 0 || begin(l, &all[i], &s->all[i], &p)) && each;
    procs_free(&p);
    return each;
}

static struct session_pidfd *find(struct session_pidfds *l, const char *handle)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->all[i].handle, handle) == 0)
            return &l->all[i];
    return NULL;
}

/* Without a process yet, if it is new. NULL: no memory. */
static struct session_pidfd *find_or_add(struct session_pidfds *l, const char *handle)
{
    struct session_pidfd *one = find(l, handle);

    if (one != NULL)
        return one;
    one = nhi_grow(l->all, &l->had_room, l->count + 1, sizeof(*one));
    if (one == NULL)
        return NULL;
    l->all = one;
    one = &l->all[l->count++];
    snprintf(one->handle, sizeof(one->handle), "%s", handle);
    one->fd = -1;
    return one;
}

bool session_pidfds_lose(struct session_pidfds *l, const struct sessions *s)
{
    for (size_t i = 0; i < s->handle_count; i++)
        if (find_or_add(l, s->handles[i]) == NULL)
            return false;
    return true;
}

bool session_pidfds_add(struct session_pidfds *l, const struct sessions *s)
{
    struct procs p = { .count = 0 };
    struct session_pidfd *one;
    bool each = true;

    for (size_t i = 0; i < s->count; i++) {
        one = find_or_add(l, s->all[i].handle);
        if (one == NULL)
            return false;
        each = (one->fd >= 0 || begin(l, one, &s->all[i], &p)) && each;
    }
    procs_free(&p);
    return each;
}

/* Drops those that have ended, and lists the others without a followed process. */
static size_t list_lost(struct session_pidfds *l, char (*out)[SESSION_HANDLE_MAX + 1])
{
    size_t kept = 0, count = 0;

    for (size_t i = 0; i < l->count; i++) {
        if (l->all[i].fd < 0 && !nhi_session_is_registered(NHI_RUN_DIR, l->all[i].handle))
            continue;
        if (l->all[i].fd < 0)
            memcpy(out[count++], l->all[i].handle, sizeof(out[0]));
        l->all[kept++] = l->all[i];
    }
    l->count = kept;
    return count;
}

/* Drops those that are not in s: they are of another PID namespace, or have ended. */
static void drop_others(struct session_pidfds *l, const struct sessions *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->count; i++) {
        bool has = l->all[i].fd >= 0;

        for (size_t k = 0; !has && k < s->count; k++)
            has = strcmp(l->all[i].handle, s->all[k].handle) == 0;
        if (has)
            l->all[kept++] = l->all[i];
    }
    l->count = kept;
}

bool session_pidfds_mend(struct session_pidfds *l)
{
    char(*lost)[SESSION_HANDLE_MAX + 1] = calloc(l->count + 1, sizeof(*lost));
    struct sessions s = { .handles = (const char(*)[SESSION_HANDLE_MAX + 1]) lost };
    bool each = lost != NULL;

    if (each && (s.handle_count = list_lost(l, lost)) > 0) {
        each = nhi_session_sweep_of(NHI_RUN_DIR, s.handles, s.handle_count) == NHI_OK;
        s.handle_count = list_lost(l, lost);
    }
    if (each && s.handle_count > 0) {
        each = sessions_find(&s) == NHI_OK;
        /* The last process of one ended after the sweep: it stays, and the next sweep ends it. */
        if (each && s.gone == 0)
            drop_others(l, &s);
        each = each && s.gone == 0;
        each = session_pidfds_add(l, &s) && each;
    }
    sessions_free(&s);
    free(lost);
    return each;
}

bool session_pidfds_take(struct session_pidfds *l)
{
    struct epoll_event ended[64];
    int n = epoll_wait(l->wait, ended, sizeof(ended) / sizeof(ended[0]), 0);

    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < l->count; i++)
            if (l->all[i].fd == ended[k].data.fd)
                let_go(l, &l->all[i]);
    return n > 0;
}

void session_pidfds_close(struct session_pidfds *l)
{
    drop_all(l);
    if (l->wait >= 0)
        close(l->wait);
    l->wait = -1;
}
