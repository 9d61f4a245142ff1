/* SPDX-License-Identifier: ISC */
#include "libnhi/base/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

enum nhi_err nhi_err_from_errno(int err)
{
    switch (err) {
    case ENOENT:
    case ENOTDIR:
        return NHI_ERR_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return NHI_ERR_FULL;
    case ENOMEM:
        return NHI_ERR_NOMEM;
    case EEXIST:
        return NHI_ERR_EXISTS;
    default:
        return NHI_ERR_SYS;
    }
}

#define PLAIN_MAX 256 /* bytes of a path that is opened at once */

static bool only_root_writes(const struct stat *st)
{
    return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Descends from / one name at a time, so that what was checked is what is used. */
static enum nhi_err descend(char *path, int *fd)
{
    enum nhi_err err = NHI_OK;
    char *save = NULL, *name;
    struct stat st;
    int at, next;

    at = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return nhi_err_from_errno(errno);
    for (name = strtok_r(path, "/", &save);; name = strtok_r(NULL, "/", &save)) {
        if (fstat(at, &st) != 0)
            err = NHI_ERR_SYS;
        else if (!only_root_writes(&st))
            err = NHI_ERR_UNSAFE;
        if (err != NHI_OK || name == NULL)
            break;
        next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            err = nhi_err_from_errno(errno);
            break;
        }
        close(at);
        at = next;
    }
    if (err == NHI_OK)
        *fd = at;
    else
        close(at);
    return err;
}

static bool is_roots(const char *dir)
{
    struct stat st;

    return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && only_root_writes(&st);
}

/* Those above our own are looked at once in a process: where only root can write, only root can change that. */
static bool is_roots_above(const char *dir)
{
    static const char *const all[] = { "/", "/run", "/usr", "/var", "/var/lib" };
    static atomic_bool known[sizeof(all) / sizeof(all[0])];

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(dir, all[i]) == 0) {
            if (!atomic_load(&known[i]) && is_roots(dir))
                atomic_store(&known[i], true);
            return atomic_load(&known[i]);
        }
    return is_roots(dir);
}

/* The same with fewer calls, for a path without links: false if it has one, if the kernel cannot do this (it is older
 * than 5.6, or a filter forbids it), or if anything is wrong; descend then finds out what. Each directory is checked
 * after the one above it. As soon as nobody but root can change that, nobody but root can replace what is in it, so
 * what is opened last is what root has put there. */
static bool open_plain(const char *path, int *fd)
{
    const struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
    char above[PLAIN_MAX] = "/";
    struct stat st;
    size_t len = strlen(path);
    int f;

    if (len >= sizeof(above) || !is_roots_above(above))
        return false;
    for (size_t i = 1; i < len; i++) {
        if (path[i] == '/' && !is_roots_above(above))
            return false;
        above[i] = path[i];
        above[i + 1] = '\0';
    }
    f = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
    if (f < 0)
        return false;
    if (fstat(f, &st) == 0 && only_root_writes(&st)) {
        *fd = f;
        return true;
    }
    close(f);
    return false;
}

enum nhi_err nhi_dir_open(const char *path, int *fd)
{
    enum nhi_err err;
    char *real;

    if (path == NULL || path[0] != '/')
        return NHI_ERR_ARG;
    if (open_plain(path, fd))
        return NHI_OK;
    real = realpath(path, NULL);
    if (real == NULL)
        return nhi_err_from_errno(errno);
    err = descend(real, fd);
    free(real);
    return err;
}

enum nhi_err nhi_dir_open_at(int dirfd, const char *name, int *fd)
{
    struct stat st;
    int f = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (f < 0)
        return errno == ELOOP ? NHI_ERR_UNSAFE : nhi_err_from_errno(errno);
    if (fstat(f, &st) == 0 && only_root_writes(&st)) {
        *fd = f;
        return NHI_OK;
    }
    close(f);
    return NHI_ERR_UNSAFE;
}

enum nhi_err nhi_file_open_sized(int dirfd, const char *name, int secret, int *fd, size_t *size)
{
    struct stat st;
    int f;

    /* O_NONBLOCK: a FIFO put in the place of a file must not hold up a login. */
    f = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (f < 0)
        return errno == ELOOP ? NHI_ERR_UNSAFE : nhi_err_from_errno(errno);
    if (fstat(f, &st) != 0) {
        close(f);
        return NHI_ERR_SYS;
    }
    if (!S_ISREG(st.st_mode) || !only_root_writes(&st) || (secret && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)) {
        close(f);
        return NHI_ERR_UNSAFE;
    }
    *fd = f;
    *size = (size_t)st.st_size;
    return NHI_OK;
}

enum nhi_err nhi_file_open(int dirfd, const char *name, int secret, int *fd)
{
    size_t size;

    return nhi_file_open_sized(dirfd, name, secret, fd, &size);
}

enum nhi_err nhi_file_read(int dirfd, const char *name, int secret, unsigned long max, char **buf, unsigned long *len)
{
    enum nhi_err err;
    size_t have = 0, size = 0, room;
    char *text;
    int fd;

    err = nhi_file_open_sized(dirfd, name, secret, &fd, &size);
    if (err != NHI_OK)
        return err;
    text = malloc(max + 2);
    if (text == NULL) {
        close(fd);
        return NHI_ERR_NOMEM;
    }
    while (have <= max) {
        ssize_t n;

        room = max + 1 - have;
        n = read(fd, text + have, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = NHI_ERR_SYS;
        if (n <= 0)
            break;
        have += (size_t)n;
        /* A read that is not full and reaches the size of the file has reached its end. */
        if ((size_t)n < room && size > 0 && have >= size)
            break;
    }
    close(fd);
    if (err == NHI_OK && have > max)
        err = NHI_ERR_TOO_LONG;
    if (err != NHI_OK) {
        free(text);
        return err;
    }
    text[have] = '\0';
    *buf = text;
    *len = have;
    return NHI_OK;
}

enum nhi_err nhi_file_write(int fd, const void *data, unsigned long len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return nhi_err_from_errno(errno);
        at += n;
        len -= (size_t)n;
    }
    return NHI_OK;
}

/* Owner, mode and times of a new file, set before it gets its name. */
struct looks {
    unsigned mode;
    int like; /* -1: owned by root, with that mode */
    int dated;
};

/* Copies labels and access lists. One that the file system does not support is skipped. */
static enum nhi_err copy_attributes(int from, int to)
{
    char names[4096], value[4096];
    ssize_t len = flistxattr(from, names, sizeof(names)), n;

    if (len < 0)
        return errno == ENOTSUP || errno == ENOSYS ? NHI_OK : NHI_ERR_SYS;
    for (const char *name = names; name < names + len; name += strlen(name) + 1) {
        n = fgetxattr(from, name, value, sizeof(value));
        if (n < 0 || (fsetxattr(to, name, value, (size_t)n, 0) != 0 && errno != ENOTSUP && errno != EPERM))
            return NHI_ERR_SYS;
    }
    return NHI_OK;
}

static enum nhi_err dress(int fd, const struct looks *looks)
{
    struct timespec times[2];
    struct stat st;

    if (looks->like < 0)
        return fchmod(fd, looks->mode) == 0 ? NHI_OK : nhi_err_from_errno(errno);
    if (fstat(looks->like, &st) != 0 || fchown(fd, st.st_uid, st.st_gid) != 0 || fchmod(fd, st.st_mode & ALLPERMS) != 0)
        return nhi_err_from_errno(errno);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    if (looks->dated && futimens(fd, times) != 0)
        return nhi_err_from_errno(errno);
    return copy_attributes(looks->like, fd);
}

#define WHOLE ".%s.nhi-new"  /* about to replace the other; it is complete */
#define PART ".%s.%08x.part" /* if the file system has no files without a name */
#define TRIES 100            /* the owner of the directory may put something there again and again */

static enum nhi_err too_long(void)
{
    errno = ENAMETOOLONG;
    return NHI_ERR_TOO_LONG;
}

static enum nhi_err begin_named(int dirfd, const char *name, struct nhi_new_file *n)
{
    uint32_t unique;

    if (getrandom(&unique, sizeof(unique), 0) != (ssize_t)sizeof(unique))
        return NHI_ERR_SYS;
    if (snprintf(n->part, sizeof(n->part), PART, name, (unsigned)unique) >= (int)sizeof(n->part)) {
        n->part[0] = '\0';
        return too_long();
    }
    n->fd = openat(dirfd, n->part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (n->fd >= 0)
        return NHI_OK;
    n->part[0] = '\0';
    return nhi_err_from_errno(errno);
}

enum nhi_err nhi_file_begin(int dirfd, const char *name, struct nhi_new_file *n)
{
    n->part[0] = '\0';
    n->fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (n->fd >= 0)
        return NHI_OK;
    /* A kernel or file system without O_TMPFILE takes this for writing to a directory. */
    return errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT ? begin_named(dirfd, name, n)
                                                                     : nhi_err_from_errno(errno);
}

enum nhi_err nhi_file_link(int fd, int dirfd, const char *name)
{
    char self[40];

    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, self, dirfd, name, AT_SYMLINK_FOLLOW) != 0)
        return nhi_err_from_errno(errno);
    return NHI_OK;
}

/* The file with that name is complete: it comes from a writer that was killed, or from one that is about to do this
 * itself and will find it done. If it has gone, it was renamed. */
static enum nhi_err finish(int dirfd, const char *whole, const char *name)
{
    return renameat(dirfd, whole, dirfd, name) == 0 || errno == ENOENT ? NHI_OK : nhi_err_from_errno(errno);
}

static enum nhi_err end_unnamed(int dirfd, const char *name, const struct nhi_new_file *n)
{
    enum nhi_err err = nhi_file_link(n->fd, dirfd, name);
    char whole[NAME_MAX + 1];

    if (err != NHI_ERR_EXISTS)
        return err;
    if (snprintf(whole, sizeof(whole), WHOLE, name) >= (int)sizeof(whole))
        return too_long();
    for (int i = 0; i < TRIES && (err = nhi_file_link(n->fd, dirfd, whole)) == NHI_ERR_EXISTS; i++)
        if ((err = finish(dirfd, whole, name)) != NHI_OK)
            return err;
    return err == NHI_OK ? finish(dirfd, whole, name) : err;
}

enum nhi_err nhi_file_end(int dirfd, const char *name, struct nhi_new_file *n)
{
    if (n->part[0] == '\0')
        return end_unnamed(dirfd, name, n);
    if (renameat(dirfd, n->part, dirfd, name) != 0)
        return nhi_err_from_errno(errno);
    n->part[0] = '\0';
    return NHI_OK;
}

void nhi_file_drop(int dirfd, struct nhi_new_file *n)
{
    int saved = errno;

    if (n->fd >= 0)
        close(n->fd);
    if (n->part[0] != '\0')
        (void)unlinkat(dirfd, n->part, 0);
    n->fd = -1;
    n->part[0] = '\0';
    errno = saved;
}

void nhi_file_sweep(int dirfd, const char *name)
{
    char whole[NAME_MAX + 1];

    if (snprintf(whole, sizeof(whole), WHOLE, name) < (int)sizeof(whole))
        (void)unlinkat(dirfd, whole, 0);
}

static bool is_left(const char *entry)
{
    size_t len = strlen(entry);

    return entry[0] == '.' && ((len > 9 && strcmp(entry + len - 8, ".nhi-new") == 0) ||
                               (len > 6 && strcmp(entry + len - 5, ".part") == 0));
}

void nhi_file_sweep_all(const char *dir, int64_t before)
{
    const struct dirent *e;
    struct stat st;
    DIR *d = NULL;
    int fd = -1;

    if (nhi_dir_open(dir, &fd) != NHI_OK)
        return;
    d = fdopendir(fd);
    if (d == NULL) {
        close(fd);
        return;
    }
    while ((e = readdir(d)) != NULL)
        if (is_left(e->d_name) && fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            st.st_ctim.tv_sec < before)
            (void)unlinkat(fd, e->d_name, 0);
    closedir(d);
}

enum nhi_err nhi_file_remove(int dirfd, const char *name)
{
    nhi_file_sweep(dirfd, name);
    if ((unlinkat(dirfd, name, 0) != 0 && errno != ENOENT) || fsync(dirfd) != 0)
        return nhi_err_from_errno(errno);
    return NHI_OK;
}

static enum nhi_err replace(int dirfd, const char *name, const struct looks *looks, const void *data, unsigned long len)
{
    struct nhi_new_file n = { .fd = -1 };
    enum nhi_err err = nhi_file_begin(dirfd, name, &n);

    if (err == NHI_OK)
        err = nhi_file_write(n.fd, data, len);
    if (err == NHI_OK)
        err = dress(n.fd, looks);
    if (err == NHI_OK && fsync(n.fd) != 0)
        err = nhi_err_from_errno(errno);
    if (err == NHI_OK)
        err = nhi_file_end(dirfd, name, &n);
    nhi_file_drop(dirfd, &n);
    if (err == NHI_OK && fsync(dirfd) != 0)
        err = nhi_err_from_errno(errno);
    return err;
}

enum nhi_err nhi_file_replace(int dirfd, const char *name, unsigned mode, const void *data, unsigned long len)
{
    const struct looks looks = { .mode = mode, .like = -1 };

    return replace(dirfd, name, &looks, data, len);
}

enum nhi_err nhi_file_replace_like(int dirfd, const char *name, int like, int dated, const char *text)
{
    const struct looks looks = { .like = like, .dated = dated };

    return replace(dirfd, name, &looks, text, strlen(text));
}
