/* SPDX-License-Identifier: ISC */
/*
 * Every file under some paths, for scan: in one order, each opened once.
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
    char path[WALK_PATH_MAX]; /* where it is */
    uint64_t files;           /* that were read */
    uint64_t skipped;         /* pipes, devices, sockets, pseudo file systems, and where the keys of this host are */
    uint64_t unreadable;      /* the first ones were complained of */
};

/* A file, a directory with all that is in it, or a pipe, if it is named here. A symbolic link is followed only
 * where it is path itself; below path, none is. */
void walk_path(struct walk *w, const char *path);
/* Complains of path, and counts it. */
void walk_failed(struct walk *w, const char *path, const char *why);

#endif
