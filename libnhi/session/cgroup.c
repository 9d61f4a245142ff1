/* SPDX-License-Identifier: ISC */
/*
 * MUST: use only a hierarchy that is root's alone: if it was delegated, its user could move processes out, or into the
 * session of another account.
 */
#include "libnhi/session/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/session/cgroup_dir.h"
#include "libnhi/session/session.h"

#define CGROUP2_MAGIC 0x63677270 /* linux/magic.h, CGROUP2_SUPER_MAGIC */
#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define TEXT_MAX 16384 /* of /proc/PID/cgroup: a line with one path for each hierarchy */
#define TRIES 3        /* a sweep may remove a directory that was just created */

static bool is_roots_alone(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int open_top(void)
{
    static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
    struct statfs fs;
    int fd;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        fd = open(places[i], DIRECTORY);
        if (fd < 0)
            continue;
        if (fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_MAGIC && is_roots_alone(fd))
            return fd;
        close(fd);
    }
    return -1;
}

/* sd_booted(3). */
bool nhi_cgroup_is_systemds(void)
{
    struct stat st;

    return lstat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode);
}

enum nhi_err nhi_cgroup_usable(void)
{
    int top;

    if (nhi_cgroup_is_systemds())
        return NHI_ERR_STATE;
    top = open_top();
    if (top < 0)
        return NHI_ERR_STATE;
    close(top);
    return NHI_OK;
}

enum nhi_err nhi_cgroup_open_dir(bool make, int *fd)
{
    int top = nhi_cgroup_is_systemds() ? -1 : open_top(), dir;

    if (top < 0)
        return NHI_ERR_STATE;
    dir = openat(top, NHI_CGROUP_DIR, DIRECTORY);
    if (dir < 0 && make && (mkdirat(top, NHI_CGROUP_DIR, 0755) == 0 || errno == EEXIST))
        dir = openat(top, NHI_CGROUP_DIR, DIRECTORY);
    close(top);
    if (dir < 0)
        return NHI_ERR_STATE;
    if (!is_roots_alone(dir)) {
        close(dir);
        return NHI_ERR_STATE;
    }
    *fd = dir;
    return NHI_OK;
}

bool nhi_cgroup_write(int dirfd, const char *file, const char *text)
{
    size_t len = strlen(text);
    bool written;
    int fd;

    fd = openat(dirfd, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    written = write(fd, text, len) == (ssize_t)len;
    close(fd);
    return written;
}

/* "0" is the process that writes it. */
static bool enter(int dir, const char *handle)
{
    bool entered;
    int fd;

    if (mkdirat(dir, handle, 0755) != 0 && errno != EEXIST)
        return false;
    fd = openat(dir, handle, DIRECTORY);
    if (fd < 0)
        return false;
    entered = nhi_cgroup_write(fd, "cgroup.procs", "0");
    close(fd);
    return entered;
}

enum nhi_err nhi_cgroup_enter(const char *handle)
{
    char other[NHI_CGROUP_NAME_MAX + 1];
    bool entered = false;
    enum nhi_err err;
    int dir = -1;

    if (strlen(handle) > NHI_CGROUP_NAME_MAX || strchr(handle, '/') != NULL || handle[0] == '.')
        return NHI_ERR_ARG;
    if (nhi_cgroup_of(getpid(), other, sizeof(other)) == NHI_OK)
        return NHI_ERR_EXISTS;
    err = nhi_cgroup_open_dir(true, &dir);
    if (err != NHI_OK)
        return err;
    for (int i = 0; i < TRIES && !entered; i++)
        entered = enter(dir, handle);
    close(dir);
    return entered ? NHI_OK : NHI_ERR_STATE;
}

/* The line of version 2 is "0::/nhi/HANDLE", which may continue with directories that root made below. The path is
 * compared from its beginning: a user to whom part of the hierarchy was delegated can make that name there. */
static enum nhi_err parse(const char *line, char *handle, size_t size)
{
    static const char begin[] = "0::/" NHI_CGROUP_DIR "/";
    size_t len;

    if (strncmp(line, begin, strlen(begin)) != 0)
        return NHI_ERR_NOT_FOUND;
    line += strlen(begin);
    len = strcspn(line, "/\n");
    if (len == 0)
        return NHI_ERR_NOT_FOUND;
    if (len >= size)
        return NHI_ERR_TOO_LONG;
    memcpy(handle, line, len);
    handle[len] = '\0';
    return NHI_OK;
}

enum nhi_err nhi_cgroup_of(pid_t pid, char *handle, size_t size)
{
    char path[32], text[TEXT_MAX];
    enum nhi_err err;
    const char *line;

    snprintf(path, sizeof(path), "/proc/%ld/cgroup", (long)pid);
    err = nhi_proc_file(path, text, sizeof(text));
    if (err != NHI_OK)
        return err;
    for (line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        err = parse(line, handle, size);
        if (err != NHI_ERR_NOT_FOUND)
            return err;
    }
    /* The line may be in the part that did not fit. */
    return strlen(text) == sizeof(text) - 1 ? NHI_ERR_TOO_LONG : NHI_ERR_NOT_FOUND;
}

void nhi_cgroup_leave(void)
{
    char handle[NHI_CGROUP_NAME_MAX + 1];
    int top;

    if (nhi_cgroup_of(getpid(), handle, sizeof(handle)) != NHI_OK || (top = open_top()) < 0)
        return;
    (void)!nhi_cgroup_write(top, "cgroup.procs", "0");
    close(top);
}
