/* SPDX-License-Identifier: ISC */
/*
 * Finding the session that a process is inside.
 *
 * MUST: answer without the ledger, so that an agent stays an agent when the ledger is missing. MUST: never answer "in
 * no session" because something could not be read: a caller of su and sudo chooses the limits under which this runs.
 * MUST: allocate nothing, for the same reason.
 */
#include "libnhi/session/session_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/record.h"
#include "libnhi/session/cgroup.h"
#include "libnhi/session/presence.h"

#define DEPTH_MAX 65536 /* of the process tree above a caller: more than the kernel's default number of pids */

struct search {
    int dirfd;
    char boot[37];
    struct nhi_grant *out;
    /* The most serious error of the search; NHI_ERR_NOT_FOUND: no error. */
    enum nhi_err err;
    int cause;
};

/* Keeps, of two failures, the one that a caller may have caused. */
static void note(struct search *s, enum nhi_err err, int cause)
{
    if (nhi_presence_of(err, cause) > nhi_presence_of(s->err, s->cause)) {
        s->err = err;
        s->cause = cause;
    }
}

/* Only a file that is root's alone is a record; only ENOENT means that it does not exist. */
static enum nhi_err open_record(int dirfd, const char *name, int *fd)
{
    struct stat st;
    int f;

    f = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (f < 0)
        return errno == ENOENT ? NHI_ERR_NOT_FOUND : NHI_ERR_SYS;
    if (fstat(f, &st) != 0) {
        int cause = errno;

        close(f);
        errno = cause;
        return NHI_ERR_SYS;
    }
    if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        close(f);
        return NHI_ERR_UNSAFE;
    }
    *fd = f;
    return NHI_OK;
}

/* Whether a record with that handle exists. */
static bool look(struct search *s, const char *name)
{
    enum nhi_err err;
    int fd = -1, cause;

    err = open_record(s->dirfd, name, &fd);
    if (err == NHI_OK)
        err = nhi_record_take(fd, s->out);
    cause = errno;
    if (fd >= 0)
        close(fd);
    note(s, err, cause);
    return err == NHI_OK;
}

/* Looks for what a process cannot leave: the kernel's audit session, or the cgroup. A session that has an audit session
 * is not also found by its cgroup: a daemon that was restarted from it stays in that cgroup, with the people who log in
 * through it. For a process without an audit session the cgroup decides. */
static bool find_inescapable(struct search *s, pid_t pid)
{
    char name[NHI_TREE_MAX + 1];
    enum nhi_err err;
    uint32_t audit;
    bool audited;

    err = nhi_proc_audit(pid, &audit);
    audited = err == NHI_OK;
    if (err != NHI_OK)
        note(s, err, errno);
    if (audited) {
        nhi_session_audit_name(name, sizeof(name), s->boot, audit);
        if (look(s, name))
            return true;
    }
    err = nhi_cgroup_of(pid, name, sizeof(name));
    if (err != NHI_OK)
        note(s, err, errno);
    return err == NHI_OK && !(audited && name[0] == 'a') && look(s, name);
}

/* Looks for the handle of each ancestor, the nearest first. A process that ends meanwhile ends the walk. */
static bool find_ancestor(struct search *s, pid_t pid)
{
    char name[NHI_TREE_MAX + 1];
    struct nhi_proc p;
    enum nhi_err err;
    pid_t parent;
    int depth;

    for (depth = 0; depth < DEPTH_MAX && pid > 0; depth++) {
        err = nhi_proc_read(pid, &p, &parent);
        if (err != NHI_OK) {
            note(s, err, errno);
            return false;
        }
        nhi_session_proc_name(name, sizeof(name), s->boot, &p);
        if (look(s, name))
            return true;
        pid = parent;
    }
    /* A caller that nested itself too deeply does not become a person by that. */
    if (depth == DEPTH_MAX)
        note(s, NHI_ERR_TOO_LONG, 0);
    return false;
}

/* In a directory that others can write, neither a handle nor its absence proves anything. */
static enum nhi_err open_sessions(const char *run_dir, int *fd)
{
    char path[256];
    struct stat st;
    int f, cause;

    if (snprintf(path, sizeof(path), "%s/%s", run_dir, NHI_SESSIONS_DIR) >= (int)sizeof(path))
        return NHI_ERR_ARG;
    f = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (f < 0)
        return errno == ENOENT ? NHI_ERR_NOT_FOUND : NHI_ERR_SYS;
    if (fstat(f, &st) != 0) {
        cause = errno;
        close(f);
        errno = cause;
        return NHI_ERR_SYS;
    }
    if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        close(f);
        return NHI_ERR_UNSAFE;
    }
    *fd = f;
    return NHI_OK;
}

enum nhi_err nhi_session_find(const char *run_dir, pid_t pid, struct nhi_grant *out)
{
    struct search s = { .err = NHI_ERR_NOT_FOUND };
    struct nhi_grant g;
    enum nhi_err err;
    bool found = false;

    err = open_sessions(run_dir, &s.dirfd);
    if (err != NHI_OK)
        return err;
    s.out = &g;
    err = nhi_boot_id(s.boot);
    /* Without it no handle has a name, which does not mean that none exists. */
    if (err != NHI_OK)
        note(&s, err == NHI_ERR_NOT_FOUND ? NHI_ERR_STATE : err, errno);
    else
        found = find_inescapable(&s, pid) || find_ancestor(&s, pid);
    close(s.dirfd);
    if (found) {
        *out = g;
        return NHI_OK;
    }
    errno = s.cause;
    return s.err;
}
