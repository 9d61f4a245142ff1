/* SPDX-License-Identifier: ISC */
/*
 * setup: the files of this host that get our lines, or lose them again.
 *
 * MUST: at every moment a file is either the old one or the new one. MUST: nothing is written before all of it was
 * tried on copies: root and every person must be able to log in everywhere they can now.
 */
#ifndef NHICTL_SETUP_H
#define NHICTL_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "hostcfg/wiring.h"
#include "libnhi/base/paths.h"

#define SETUP_FILES_MAX 16
#define SETUP_SCRATCH "/run/nhi-setup"   /* root's alone, made new by each run */
#define SETUP_BACKUPS "/var/backups/nhi" /* each file under it at its own path, as it is without us */

struct ctl;

/* A file as it is, as it would be without us, and as it will be. */
enum setup_view { SETUP_NOW, SETUP_CLEAN, SETUP_THEN, SETUP_VIEWS };

struct setup_file {
    const struct wiring_service *service;
    char path[64];
    char *text[SETUP_VIEWS]; /* NULL: it does not exist */
    struct stat st;          /* of the existing file */
    mode_t mode;             /* for a new file */
};

struct setup {
    struct ctl *c;
    bool undo, dry_run;
    bool sshd_without_pam; /* people log in without PAM now */
    int lock;
    struct setup_file file[SETUP_FILES_MAX];
    size_t count;
};

#endif
