#include "libnhi/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

enum nhi_err nhi_dir_open(const char *path, int *fd)
{
    enum nhi_err err;
    char *real;

    if (path == NULL || path[0] != '/')
        return NHI_ERR_ARG;
    real = realpath(path, NULL);
    if (real == NULL)
        return nhi_err_from_errno(errno);
    err = descend(real, fd);
    free(real);
    return err;
}

enum nhi_err nhi_file_open(int dirfd, const char *name, int secret, int *fd)
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
    if (!S_ISREG(st.st_mode) || !only_root_writes(&st) ||
        (secret && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)) {
        close(f);
        return NHI_ERR_UNSAFE;
    }
    *fd = f;
    return NHI_OK;
}

enum nhi_err nhi_file_read(int dirfd, const char *name, int secret, unsigned long max, char **buf,
                           unsigned long *len)
{
    enum nhi_err err;
    size_t have = 0;
    char *text;
    int fd;

    err = nhi_file_open(dirfd, name, secret, &fd);
    if (err != NHI_OK)
        return err;
    text = malloc(max + 2);
    if (text == NULL) {
        close(fd);
        return NHI_ERR_NOMEM;
    }
    while (have <= max) {
        ssize_t n = read(fd, text + have, max + 1 - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = NHI_ERR_SYS;
        if (n <= 0)
            break;
        have += (size_t)n;
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

static enum nhi_err write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return nhi_err_from_errno(errno);
        data += n;
        len -= (size_t)n;
    }
    return NHI_OK;
}

/* How a new file looks before it gets its name. */
struct looks {
    unsigned mode;
    int like;  /* -1: root's, with that mode */
    int dated;
};

/* A label or a list of who may read it. One that this place does not take is none of ours. */
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
    if (fstat(looks->like, &st) != 0 || fchown(fd, st.st_uid, st.st_gid) != 0 ||
        fchmod(fd, st.st_mode & ALLPERMS) != 0)
        return nhi_err_from_errno(errno);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    if (looks->dated && futimens(fd, times) != 0)
        return nhi_err_from_errno(errno);
    return copy_attributes(looks->like, fd);
}

static enum nhi_err replace(int dirfd, const char *name, const struct looks *looks, const void *data,
                            unsigned long len)
{
    char temp[NAME_MAX + 1];
    enum nhi_err err;
    int fd;

    if (snprintf(temp, sizeof temp, ".%s.new", name) >= (int)sizeof temp)
        return NHI_ERR_TOO_LONG;
    if (unlinkat(dirfd, temp, 0) != 0 && errno != ENOENT)
        return nhi_err_from_errno(errno);
    fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return nhi_err_from_errno(errno);
    err = write_all(fd, data, len);
    if (err == NHI_OK)
        err = dress(fd, looks);
    if (err == NHI_OK && fsync(fd) != 0)
        err = nhi_err_from_errno(errno);
    if (close(fd) != 0 && err == NHI_OK)
        err = nhi_err_from_errno(errno);
    if (err == NHI_OK && renameat(dirfd, temp, dirfd, name) != 0)
        err = nhi_err_from_errno(errno);
    if (err == NHI_OK && fsync(dirfd) != 0)
        err = nhi_err_from_errno(errno);
    if (err != NHI_OK)
        (void)unlinkat(dirfd, temp, 0);
    return err;
}

enum nhi_err nhi_file_replace(int dirfd, const char *name, unsigned mode, const void *data,
                              unsigned long len)
{
    const struct looks looks = { .mode = mode, .like = -1 };

    return replace(dirfd, name, &looks, data, len);
}

enum nhi_err nhi_file_replace_like(int dirfd, const char *name, int like, int dated, const void *data,
                                   unsigned long len)
{
    const struct looks looks = { .like = like, .dated = dated };

    return replace(dirfd, name, &looks, data, len);
}
