/* SPDX-License-Identifier: ISC */
/*
 * The index of registered sessions.
 *
 * MUST: a session has its name in the index before it has its handle, and loses its handle before that name. A process
 * that is killed in between leaves a name without a session, which makes no difference but to a count. MUST: a name
 * counts for a session only if both are names of the same file: a session without one is looked at, whatever is asked.
 */
#include "libnhi/session/session_index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/record.h"
#include "libnhi/grant/record_bytes.h"

#define INDEX "../" NHI_SESSION_INDEX_DIR
#define WHOLE "whole"
#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define TRIES 8 /* a sweep may remove a directory that was just made */

/* ---- names ---- */

#define SUM_LEN 16
#define TEXT(text) (text)[0] != '\0' ? (text) : "......................"

/* Where the fields are; each has a dot after it, and the handle is the rest. */
enum { AT_JTI = 0, AT_PARENT = 23, AT_ROOT = 46, AT_TASK = 69, AT_AGENT = 86, AT_KID = 103, AT_ID = 120, AT_END = 143 };

_Static_assert(NHI_JTI_LEN == 22, "the fields are elsewhere");
_Static_assert(AT_END + NHI_TREE_MAX <= NAME_MAX, "a name does not fit");

static void sum_of(const char *text, char out[SUM_LEN + 1])
{
    snprintf(out, SUM_LEN + 1, "%016" PRIx64, nhi_record_sum(text, strlen(text)));
}

struct name {
    char rule[SUM_LEN + 1];
    char file[NAME_MAX + 1];
};

static void name_of(const struct nhi_grant *g, const char *handle, struct name *out)
{
    char task[SUM_LEN + 1], agent[SUM_LEN + 1], kid[SUM_LEN + 1];

    sum_of(g->rule, out->rule);
    sum_of(g->ticket.task, task);
    sum_of(g->ticket.agent, agent);
    sum_of(g->ticket.kid, kid);
    snprintf(out->file, sizeof(out->file), "%.22s.%.22s.%.22s.%s.%s.%s.%.22s.%.*s", TEXT(g->ticket.jti),
             TEXT(g->ticket.parent), TEXT(g->root), task, agent, kid, TEXT(g->id), NHI_TREE_MAX, handle);
}

/* The handle, or NULL if it is no name of a session. */
static const char *handle_in(const char *file)
{
    size_t len = strlen(file);

    if (len <= AT_END || len > AT_END + NHI_TREE_MAX || file[AT_PARENT - 1] != '.' || file[AT_ROOT - 1] != '.' ||
        file[AT_TASK - 1] != '.' || file[AT_AGENT - 1] != '.' || file[AT_KID - 1] != '.' || file[AT_ID - 1] != '.' ||
        file[AT_END - 1] != '.')
        return NULL;
    return file + AT_END;
}

/* ---- one session ---- */

enum nhi_err nhi_session_dir(int dirfd, const char *name, int *fd)
{
    struct stat st;
    int f = openat(dirfd, name, DIRECTORY);

    if (f < 0 && errno == ENOENT) {
        if (mkdirat(dirfd, name, 0700) != 0 && errno != EEXIST)
            return nhi_err_from_errno(errno);
        f = openat(dirfd, name, DIRECTORY);
    }
    if (f < 0)
        return nhi_err_from_errno(errno);
    /* Not changed without need: that would wake programs that watch it. */
    if (fstat(f, &st) != 0 || st.st_uid != 0 || ((st.st_mode & 07777) != 0700 && fchmod(f, 0700) != 0)) {
        close(f);
        return NHI_ERR_UNSAFE;
    }
    *fd = f;
    return NHI_OK;
}

static enum nhi_err link_in(int index, int fd, const struct name *name)
{
    enum nhi_err err;
    int dir = -1;

    err = nhi_session_dir(index, name->rule, &dir);
    if (err != NHI_OK)
        return err;
    err = nhi_file_link(fd, dir, name->file);
    close(dir);
    return err;
}

enum nhi_err nhi_session_index_add(int dirfd, int fd, const struct nhi_grant *g, const char *handle)
{
    struct name name;
    enum nhi_err err;
    int index = -1;

    name_of(g, handle, &name);
    err = nhi_session_dir(dirfd, INDEX, &index);
    if (err != NHI_OK)
        return err;
    err = NHI_ERR_NOT_FOUND;
    for (int i = 0; i < TRIES && err == NHI_ERR_NOT_FOUND; i++)
        err = link_in(index, fd, &name);
    close(index);
    return err;
}

void nhi_session_index_drop(int dirfd, const struct nhi_grant *g, const char *handle)
{
    char path[sizeof(INDEX) + SUM_LEN + NAME_MAX + 3];
    struct name name;

    name_of(g, handle, &name);
    snprintf(path, sizeof(path), INDEX "/%s/%s", name.rule, name.file);
    (void)unlinkat(dirfd, path, 0);
}

enum nhi_err nhi_session_index_adopt(int dirfd, const char *handle)
{
    struct nhi_grant g;
    enum nhi_err err;
    int fd = -1;

    err = nhi_file_open(dirfd, handle, 1, &fd);
    if (err != NHI_OK)
        return err;
    err = nhi_record_take(fd, &g);
    if (err == NHI_OK)
        err = nhi_session_index_add(dirfd, fd, &g, handle);
    close(fd);
    return err == NHI_ERR_EXISTS ? NHI_OK : err;
}

/* ---- all of them ---- */

struct walk {
    enum nhi_err (*fn)(struct walk *, int dirfd, const struct dirent *, const char *handle);
    int sessions;                    /* the directory of the sessions */
    bool sweeps;                     /* directories without names go, too */
    struct nhi_session_indexed *all; /* that were found so far */
    size_t count, room;
    const char *in; /* the directory of a rule */
    const struct nhi_session_about *about;
    char task[SUM_LEN + 1], agent[SUM_LEN + 1], kid[SUM_LEN + 1], rule[SUM_LEN + 1];
};

/* Takes over fd. */
static enum nhi_err walk_rule(struct walk *w, int fd)
{
    DIR *d = fdopendir(fd);
    const struct dirent *e;
    const char *handle;
    enum nhi_err err = NHI_OK;

    if (d == NULL) {
        close(fd);
        return NHI_ERR_SYS;
    }
    while (err == NHI_OK && (e = readdir(d)) != NULL)
        if ((handle = handle_in(e->d_name)) != NULL)
            err = w->fn(w, dirfd(d), e, handle);
    closedir(d);
    return err;
}

static enum nhi_err walk(struct walk *w, int dirfd)
{
    int index = openat(dirfd, INDEX, DIRECTORY), fd;
    const struct dirent *e;
    enum nhi_err err = NHI_OK;
    DIR *d;

    if (index < 0)
        return errno == ENOENT ? NHI_OK : NHI_ERR_SYS;
    d = fdopendir(index);
    if (d == NULL) {
        close(index);
        return NHI_ERR_SYS;
    }
    while (err == NHI_OK && (e = readdir(d)) != NULL) {
        if (strlen(e->d_name) != SUM_LEN)
            continue;
        w->in = e->d_name;
        fd = openat(index, e->d_name, DIRECTORY);
        if (fd >= 0)
            err = walk_rule(w, fd);
        else if (errno != ENOENT)
            err = NHI_ERR_SYS;
        if (w->sweeps)
            (void)unlinkat(index, e->d_name, AT_REMOVEDIR);
    }
    closedir(d);
    return err;
}

static bool is_at(const char *file, size_t at, size_t len, const char *what)
{
    return what != NULL && what[0] != '.' && strlen(what) == len && memcmp(file + at, what, len) == 0;
}

static bool is_meant(const struct walk *w, const char *file)
{
    const char *const jti[] = { w->about->ticket, w->about->lineage };

    for (size_t i = 0; i < sizeof(jti) / sizeof(jti[0]); i++)
        if (is_at(file, AT_JTI, NHI_JTI_LEN, jti[i]) || is_at(file, AT_PARENT, NHI_JTI_LEN, jti[i]) ||
            is_at(file, AT_ROOT, NHI_JTI_LEN, jti[i]))
            return true;
    return is_at(file, AT_TASK, SUM_LEN, w->task) || is_at(file, AT_AGENT, SUM_LEN, w->agent) ||
           is_at(file, AT_KID, SUM_LEN, w->kid) || strcmp(w->in, w->rule) == 0;
}

static enum nhi_err take(struct walk *w, int dirfd, const struct dirent *e, const char *handle)
{
    struct nhi_session_indexed *more = nhi_grow(w->all, &w->room, w->count + 1, sizeof(*more));

    (void)dirfd;
    if (more == NULL)
        return NHI_ERR_NOMEM;
    w->all = more;
    more = &w->all[w->count++];
    more->inode = e->d_ino;
    more->meant = is_meant(w, e->d_name);
    snprintf(more->handle, sizeof(more->handle), "%s", handle);
    snprintf(more->id, sizeof(more->id), "%.*s", NHI_JTI_LEN, e->d_name + AT_ID);
    return NHI_OK;
}

static int by_inode(const void *a, const void *b)
{
    const struct nhi_session_indexed *x = a, *y = b;
    int by = (x->inode > y->inode) - (x->inode < y->inode);

    return by != 0 ? by : strcmp(x->handle, y->handle);
}

enum nhi_err nhi_session_index_read(int dirfd, const struct nhi_session_about *about, struct nhi_session_indexed **all,
                                    size_t *count)
{
    struct walk w = { .fn = take, .sessions = dirfd, .about = about };
    enum nhi_err err;

    if (about->task != NULL)
        sum_of(about->task, w.task);
    if (about->agent != NULL)
        sum_of(about->agent, w.agent);
    if (about->issuer != NULL)
        sum_of(about->issuer, w.kid);
    if (about->rule != NULL)
        sum_of(about->rule, w.rule);
    err = walk(&w, dirfd);
    if (err != NHI_OK) {
        free(w.all);
        return err;
    }
    if (w.count > 0)
        qsort(w.all, w.count, sizeof(*w.all), by_inode);
    *all = w.all;
    *count = w.count;
    return NHI_OK;
}

const struct nhi_session_indexed *nhi_session_index_find(const struct nhi_session_indexed *all, size_t count,
                                                         uint64_t inode, const char *handle)
{
    struct nhi_session_indexed key = { .inode = inode };

    if (count == 0 || strlen(handle) >= sizeof(key.handle))
        return NULL;
    snprintf(key.handle, sizeof(key.handle), "%s", handle);
    return bsearch(&key, all, count, sizeof(*all), by_inode);
}

/* ---- counting ---- */

static enum nhi_err count_names(int dir, uint32_t *n)
{
    _Alignas(struct dirent) char buf[16384];
    uint32_t all = 0;
    ssize_t got;

    while ((got = getdents64(dir, buf, sizeof(buf))) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct dirent *e = (const void *)(buf + at);

            at += e->d_reclen;
            all += handle_in(e->d_name) != NULL;
        }
    if (got < 0)
        return NHI_ERR_SYS;
    *n = all;
    return NHI_OK;
}

/* Nothing is allocated: this is part of a decision. */
enum nhi_err nhi_session_index_count(const char *run_dir, const char *rule, uint32_t *n)
{
    char path[256], sum[SUM_LEN + 1];
    enum nhi_err err = NHI_OK;
    int index, dir = -1;

    if (snprintf(path, sizeof(path), "%s/%s", run_dir, NHI_SESSION_INDEX_DIR) >= (int)sizeof(path))
        return NHI_ERR_ARG;
    index = open(path, DIRECTORY);
    if (index < 0)
        return errno == ENOENT ? NHI_ERR_STATE : NHI_ERR_SYS;
    sum_of(rule, sum);
    if (faccessat(index, WHOLE, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        err = errno == ENOENT ? NHI_ERR_STATE : NHI_ERR_SYS;
    else if ((dir = openat(index, sum, DIRECTORY)) >= 0)
        err = count_names(dir, n);
    else if (errno == ENOENT)
        *n = 0;
    else
        err = NHI_ERR_SYS;
    if (dir >= 0)
        close(dir);
    close(index);
    return err;
}

void nhi_session_index_is_whole(int dirfd)
{
    int index = -1, fd;

    if (nhi_session_dir(dirfd, INDEX, &index) != NHI_OK)
        return;
    fd = openat(index, WHOLE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    close(index);
}

/* ---- sweeping ---- */

/* Its process may be about to give the file its handle. */
static bool may_begin(const struct nhi_grant *g)
{
    char boot[37];

    if (nhi_boot_id(boot) != NHI_OK)
        return true;
    if (strcmp(boot, g->boot) != 0)
        return false;
    return (g->ns != 0 && g->ns != nhi_proc_namespace()) || nhi_proc_is_alive(&g->self);
}

static enum nhi_err sweep_one(struct walk *w, int dirfd, const struct dirent *e, const char *handle)
{
    struct nhi_grant g;
    struct stat st;
    enum nhi_err err;

    if (fstatat(w->sessions, handle, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino == e->d_ino : errno != ENOENT)
        return NHI_OK;
    err = nhi_record_read(dirfd, e->d_name, &g);
    if (err == NHI_ERR_NOMEM || err == NHI_ERR_SYS || (err == NHI_OK && may_begin(&g)))
        return NHI_OK;
    (void)unlinkat(dirfd, e->d_name, 0);
    return NHI_OK;
}

void nhi_session_index_sweep(int dirfd)
{
    struct walk w = { .fn = sweep_one, .sessions = dirfd, .sweeps = true };

    (void)!walk(&w, dirfd);
}
