/* SPDX-License-Identifier: ISC */
/*
 * MUST: a bystander belongs to the host: it is a daemon of root, named by a file of root that was written since it
 * began. An agent that is root could write such a file, but does not need one. MUST: a process without rights cannot
 * make itself a bystander in its own session.
 */
#include "nhictl/end/bystander.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/session/session_find.h"
#include "nhictl/leftover/leftover_gather.h"

#define RUN "/run"
#define DEPTH_MAX 65536
#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static bool is_roots_alone(const struct stat *st)
{
    return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* In seconds since the epoch. A process with a pid that was assigned again began after the file was written. */
static int64_t began(const struct nhi_proc_stat *stat)
{
    long ticks = sysconf(_SC_CLK_TCK);
    struct timespec boot;

    if (ticks <= 0 || clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
        return INT64_MAX;
    return nhi_now() - (int64_t)boot.tv_sec + (int64_t)(stat->self.start / (uint64_t)ticks);
}

/* Adds the pid in a file of root that was written since that process began. */
static void add_named(struct bystanders *b, int dirfd, const char *file)
{
    int fd = openat(dirfd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct nhi_proc_stat stat;
    uint32_t uid[3], audit;
    char text[32];
    struct stat st;
    ssize_t n = -1;
    pid_t pid;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && is_roots_alone(&st))
        n = read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0 || b->count == BYSTANDERS_MAX)
        return;
    text[n] = '\0';
    pid = (pid_t)strtol(text, NULL, 10);
    if (pid <= 1 || !procs_uids(pid, uid) || uid[0] != 0 || uid[1] != 0 || uid[2] != 0 ||
        nhi_proc_stat(pid, &stat) != NHI_OK || stat.tty != 0 || stat.ended || st.st_mtime + 1 < began(&stat))
        return;
    b->audit[b->count] = nhi_proc_audit(pid, &audit) == NHI_OK ? audit : UINT32_MAX;
    b->daemon[b->count++] = pid;
}

/* Reads /run and the directories in it. Takes over fd. */
static void look_in(struct bystanders *b, int fd, int depth)
{
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;
    struct stat st;
    size_t len;

    if (d == NULL && fd >= 0)
        close(fd);
    if (d != NULL && (fstat(dirfd(d), &st) != 0 || !is_roots_alone(&st))) {
        closedir(d);
        return;
    }
    while (d != NULL && (e = readdir(d)) != NULL) {
        len = strlen(e->d_name);
        if (e->d_type == DT_REG && len > 4 && strcmp(e->d_name + len - 4, ".pid") == 0)
            add_named(b, dirfd(d), e->d_name);
        else if (e->d_type == DT_DIR && depth == 0 && e->d_name[0] != '.')
            look_in(b, openat(dirfd(d), e->d_name, DIRECTORY), 1);
    }
    if (d != NULL)
        closedir(d);
}

void bystanders_find(struct bystanders *b)
{
    b->count = 0;
    look_in(b, open(RUN, DIRECTORY), 0);
}

static bool is_one(const struct bystanders *b, pid_t pid)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->daemon[i] == pid)
            return true;
    return false;
}

static bool is_inside(pid_t pid, const struct members *m, uint32_t audit)
{
    uint32_t of;

    if (m != NULL)
        return members_has(m, pid);
    return nhi_proc_audit(pid, &of) == NHI_OK && of == audit;
}

/* Whether it is such a daemon or was started by one, and no process between them is outside of m, or, if m is NULL, of
 * the audit session. */
static bool is_served(const struct bystanders *b, pid_t pid, const struct members *m, uint32_t audit)
{
    struct nhi_proc_stat stat;

    for (int depth = 0; depth < DEPTH_MAX && is_inside(pid, m, audit); depth++) {
        if (is_one(b, pid))
            return true;
        if (nhi_proc_stat(pid, &stat) != NHI_OK)
            return false;
        pid = stat.parent;
    }
    return false;
}

bool bystanders_serve(const struct bystanders *b, pid_t pid, uint32_t audit)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->audit[i] == audit)
            return is_served(b, pid, NULL, audit);
    return false;
}

/* Whether it is in another audit session, of another ticket or of a person who logged in through a process of this
 * session. */
static bool is_others_login(const struct members *m, pid_t pid, const char *jti, uint32_t own)
{
    struct nhi_grant g;
    uint32_t audit;

    if (nhi_proc_audit(pid, &audit) != NHI_OK || audit == own)
        return false;
    if (nhi_session_find(NHI_RUN_DIR, pid, &g) == NHI_OK && strcmp(g.ticket.jti, jti) != 0)
        return true;
    return leftover_is_persons(pid, audit, m);
}

enum nhi_err bystanders_remove(const struct bystanders *b, struct members *m, const char *jti, uint32_t audit,
                               bool *any)
{
    struct members all = *m;
    bool serves = false;
    size_t kept = 0;

    *any = false;
    if (m->count == 0)
        return NHI_OK;
    all.all = calloc(m->count, sizeof(*all.all));
    if (all.all == NULL)
        return NHI_ERR_NOMEM;
    memcpy(all.all, m->all, m->count * sizeof(*all.all));
    for (size_t i = 0; i < b->count; i++)
        serves = serves || members_has(&all, b->daemon[i]);
    for (size_t i = 0; i < all.count; i++)
        if (!(serves && is_served(b, all.all[i].pid, &all, audit)) &&
            !is_others_login(&all, all.all[i].pid, jti, audit))
            m->all[kept++] = all.all[i];
    *any = kept < all.count;
    m->count = kept;
    free(all.all);
    return NHI_OK;
}
