/* SPDX-License-Identifier: ISC */
/*
 * Every file under some paths, for scan: in a fixed order, each opened once.
 */
#ifndef NHICTL_SCAN_WALK_H
#define NHICTL_SCAN_WALK_H

#include <stdbool.h>
#include <stdint.h>

#define WALK_PATH_MAX 8192

struct walk {
    /* Reads the file. false: it could not be read to its end (errno says why). */
    bool (*file)(int fd, const char *path, void *ctx);
    void *ctx;
    char path[WALK_PATH_MAX]; /* the present path */
    uint64_t files;           /* files that were read */
    uint64_t skipped;         /* pipes, devices, sockets, pseudo file systems, and the directory of this host's keys */
    uint64_t unreadable;      /* the first ones were reported */
};

/* path may be a file, a directory with everything in it, or a pipe. A symbolic link is followed only if it is path
 * itself, not below it. */
void walk_path(struct walk *w, const char *path);
/* Reports path as unreadable, and counts it. */
void walk_failed(struct walk *w, const char *path, const char *why);

#endif
