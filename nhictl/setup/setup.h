/* SPDX-License-Identifier: ISC */
/*
 * setup: the files of this host that get our lines, or lose them again.
 *
 * MUST: at every moment a file is either the old one or the new one. MUST: nothing is written before all of it was
 * tried on copies: root and every person must get in wherever they get in now.
 */
#ifndef NHICTL_SETUP_H
#define NHICTL_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "hostcfg/wiring.h"
#include "libnhi/base/paths.h"

#define SETUP_FILES_MAX 16
#define SETUP_SCRATCH "/run/nhi-setup"   /* root's alone, made anew by each run */
#define SETUP_BACKUPS "/var/backups/nhi" /* in it, each file at its own path, as it is without us */

struct ctl;

/* A file as it is, as it would be without us, and as it is going to be. */
enum setup_view { SETUP_NOW, SETUP_CLEAN, SETUP_THEN, SETUP_VIEWS };

struct setup_file {
    const struct wiring_service *service;
    char path[64];
    char *text[SETUP_VIEWS]; /* NULL: not there */
    struct stat st;          /* of what is there */
    mode_t mode;             /* for one that is made */
};

struct setup {
    struct ctl *c;
    bool undo, dry_run;
    bool sshd_without_pam; /* is how people log in now */
    int lock;
    struct setup_file file[SETUP_FILES_MAX];
    size_t count;
};

#endif
