/* SPDX-License-Identifier: ISC */
/*
 * What was written since the supervisor last looked, and what that is a reason for.
 */
#ifndef NHICTL_CHANGES_H
#define NHICTL_CHANGES_H

#include "nhictl/process/sessions.h"

#define WATCH_LOCK "watch.lock" /* in NHI_RUN_DIR: only one supervisor runs */

#define CHANGES_FRESH 64 /* sessions that began; with more of them, all are looked at */

struct changes {
    int fd;                           /* inotify */
    int grants, sessions, run, state; /* its watches on records, sessions, the run and the state directory */
    int lingers, groups;              /* on lingering users and on accounts that accept tickets only; -1: none */
    bool look;                        /* at all sessions */
    bool fold;                        /* records into the ledger */
    bool linger;                      /* a user may linger */
    bool lost;                        /* some changes are not known */
    char fresh[CHANGES_FRESH][SESSION_HANDLE_MAX + 1]; /* sessions that began */
    size_t fresh_count;
};

/* Begins to watch. NHI_ERR_NOT_FOUND: a directory does not exist; any other: errno says why. The caller closes fd,
 * which is -1 before the first success. */
NHI_CHECK enum nhi_err changes_open(struct changes *c);
/* Adds what has changed since. own: the ledger was written by this process. */
void changes_take(struct changes *c, bool own);

#endif
