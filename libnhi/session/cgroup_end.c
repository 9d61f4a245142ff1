/* SPDX-License-Identifier: ISC */
/*
 * The processes in a session's cgroup, and ending them. Used by nhictl.
 *
 * MUST: what root made below a session's cgroup belongs to it. MUST: limit the depth, and follow no link.
 */
#include "libnhi/session/cgroup_end.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/session/cgroup.h"
#include "libnhi/session/cgroup_dir.h"

#define DEPTH_MAX 32
#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static enum nhi_err open_one(const char *handle, int *fd)
{
    enum nhi_err err;
    int dir = -1;

    if (handle[0] == '.' || strchr(handle, '/') != NULL)
        return NHI_ERR_ARG;
    err = nhi_cgroup_open_dir(false, &dir);
    if (err != NHI_OK)
        return err;
    *fd = openat(dir, handle, DIRECTORY);
    close(dir);
    return *fd >= 0 ? NHI_OK : NHI_ERR_NOT_FOUND;
}

static FILE *open_file(int dirfd, const char *name)
{
    int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    FILE *f = fd >= 0 ? fdopen(fd, "re") : NULL;

    if (f == NULL && fd >= 0)
        close(fd);
    return f;
}

static bool is_populated(int fd)
{
    FILE *f = open_file(fd, "cgroup.events");
    bool populated = false;
    char line[64];

    while (f != NULL && !populated && fgets(line, sizeof(line), f) != NULL)
        populated = strcmp(line, "populated 1\n") == 0;
    if (f != NULL)
        fclose(f);
    return populated;
}

bool nhi_cgroup_is_populated(const char *handle)
{
    bool populated;
    int fd;

    if (open_one(handle, &fd) != NHI_OK)
        return false;
    populated = is_populated(fd);
    close(fd);
    return populated;
}

static bool list(int dirfd, int (*fn)(pid_t, void *), void *ctx)
{
    FILE *f = open_file(dirfd, "cgroup.procs");
    bool on = true;
    long pid;

    while (f != NULL && on && fscanf(f, "%ld", &pid) == 1)
        on = pid <= 0 || fn((pid_t)pid, ctx) == 0;
    if (f != NULL)
        fclose(f);
    return on;
}

/* fn NULL: removes empty cgroups, the deepest first, but none that root made in a live session, which may need it soon.
 * Takes ownership of dirfd. */
static bool walk(int dirfd, int depth, int (*fn)(pid_t, void *), void *ctx)
{
    DIR *d = fdopendir(dirfd);
    const struct dirent *e;
    bool on;
    int fd;

    if (d == NULL) {
        close(dirfd);
        return true;
    }
    on = fn == NULL || list(dirfd, fn, ctx);
    while (on && depth < DEPTH_MAX && (e = readdir(d)) != NULL) {
        if (e->d_type != DT_DIR || e->d_name[0] == '.')
            continue;
        fd = openat(dirfd, e->d_name, DIRECTORY);
        if (fd >= 0 && fn == NULL && is_populated(fd)) {
            close(fd);
            continue;
        }
        if (fd >= 0)
            on = walk(fd, depth + 1, fn, ctx);
        if (fn == NULL)
            (void)unlinkat(dirfd, e->d_name, AT_REMOVEDIR);
    }
    closedir(d);
    return on;
}

enum nhi_err nhi_cgroup_each(const char *handle, int (*fn)(pid_t, void *), void *ctx)
{
    enum nhi_err err;
    int fd;

    err = open_one(handle, &fd);
    if (err == NHI_OK)
        (void)walk(fd, 0, fn, ctx);
    return err;
}

enum nhi_err nhi_cgroup_kill(const char *handle)
{
    enum nhi_err err;
    bool killed;
    int fd;

    err = open_one(handle, &fd);
    if (err != NHI_OK)
        return err;
    killed = nhi_cgroup_write(fd, "cgroup.kill", "1");
    close(fd);
    return killed ? NHI_OK : NHI_ERR_STATE;
}

void nhi_cgroup_sweep(void)
{
    int dir = -1;

    if (nhi_cgroup_open_dir(false, &dir) == NHI_OK)
        (void)walk(dir, 0, NULL, NULL);
}
