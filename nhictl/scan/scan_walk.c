/* SPDX-License-Identifier: ISC */
/*
 * MUST: the owner of a part of the tree can neither make us wait (pipes, devices) nor lead us out of it (links, also
 * those that are put there meanwhile): each step is one openat without following links, and an opened file is checked
 * before it is read.
 */
#include "nhictl/scan/scan_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"

#define DEPTH_MAX 200
#define COMPLAINTS_MAX 10
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

void walk_failed(struct walk *w, const char *path, const char *why)
{
    if (w->unreadable++ < COMPLAINTS_MAX)
        ctl_note("could not read %s: %s", path, why);
}

/* File systems whose files the kernel generates: some never end, none stores anything. */
static bool is_pseudo(int fd)
{
    static const long types[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC,        CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
                                  DEBUGFS_MAGIC,    TRACEFS_MAGIC,      SECURITYFS_MAGIC,   BPF_FS_MAGIC,
                                  PSTOREFS_MAGIC,   DEVPTS_SUPER_MAGIC, SELINUX_MAGIC,      BINFMTFS_MAGIC,
                                  EFIVARFS_MAGIC };
    struct statfs fs;

    for (size_t i = 0; fstatfs(fd, &fs) == 0 && i < sizeof(types) / sizeof(types[0]); i++)
        if ((long)fs.f_type == types[i])
            return true;
    return false;
}

/* The directory of this host's secret keys. */
static bool is_keys(const struct stat *st)
{
    struct stat keys;

    return stat(NHI_STATE_DIR "/" NHI_KEYS_DIR, &keys) == 0 && keys.st_dev == st->st_dev && keys.st_ino == st->st_ino;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool is_entry(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static void visit(struct walk *w, int fd, unsigned depth, dev_t parent);

/* One entry of the directory fd. */
static void enter(struct walk *w, int fd, const char *name, unsigned depth, dev_t parent)
{
    char *path = w->path;
    size_t len = strlen(path);
    struct stat st;
    int entry;

    if (snprintf(path + len, WALK_PATH_MAX - len, "%s%s", path[len - 1] == '/' ? "" : "/", name) >=
        (int)(WALK_PATH_MAX - len)) {
        path[len] = '\0';
        walk_failed(w, path, "a name in it is too long");
        return;
    }
    /* Links and pipes are not even opened; whatever replaces them meanwhile, openat does not follow or wait. */
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT)
            walk_failed(w, path, strerror(errno));
    } else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        w->skipped += !S_ISLNK(st.st_mode);
    } else if ((entry = openat(fd, name, OPEN_FLAGS | O_NOFOLLOW)) >= 0) {
        visit(w, entry, depth, parent);
    } else if (errno != ENOENT && errno != ELOOP) {
        walk_failed(w, path, strerror(errno));
    }
    path[len] = '\0';
}

static void visit_directory(struct walk *w, int fd, unsigned depth, dev_t dev)
{
    struct dirent **names = NULL;
    int n = scandirat(fd, ".", &names, NULL, by_name);

    if (n < 0)
        walk_failed(w, w->path, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (is_entry(names[i]->d_name))
            enter(w, fd, names[i]->d_name, depth + 1, dev);
        free(names[i]);
    }
    free(names);
}

/* What is skipped, whoever owns it. */
static bool is_no_file(const struct stat *st, int fd, unsigned depth, dev_t parent)
{
    if (S_ISDIR(st->st_mode))
        return (st->st_dev != parent && is_pseudo(fd)) || is_keys(st);
    return !S_ISREG(st->st_mode) && !(S_ISFIFO(st->st_mode) && depth == 0);
}

/* Takes fd. */
static void visit(struct walk *w, int fd, unsigned depth, dev_t parent)
{
    struct stat st;
    bool ok = fstat(fd, &st) == 0;

    if (ok && is_no_file(&st, fd, depth, parent)) {
        w->skipped++;
    } else if (ok && S_ISDIR(st.st_mode) && depth == DEPTH_MAX) {
        walk_failed(w, w->path, "directories are nested too deeply");
    } else if (ok && S_ISDIR(st.st_mode)) {
        visit_directory(w, fd, depth, st.st_dev);
    } else if (ok && w->file(fd, w->path, w->ctx)) {
        w->files++;
    } else {
        walk_failed(w, w->path, strerror(errno));
    }
    close(fd);
}

void walk_path(struct walk *w, const char *path)
{
    int fd = open(path, OPEN_FLAGS);

    if (fd < 0)
        walk_failed(w, path, strerror(errno));
    else if (*path == '\0' || snprintf(w->path, sizeof(w->path), "%s", path) >= (int)sizeof(w->path))
        walk_failed(w, path, "the name is too long");
    else {
        visit(w, fd, 0, (dev_t)-1);
        return;
    }
    if (fd >= 0)
        close(fd);
}
