/* SPDX-License-Identifier: ISC */
/*
 * Which callers are ours, decided by marks, each of which is read independently.
 *
 *   M1  the real uid is in the agents' range: of su and sudo the caller's, else the account's, always by number
 *   M2  the caller's login uid is in the range
 *   M3  the caller is in the cgroup of a session
 *   M4  the caller's audit session, cgroup or an ancestor has a record among the registered sessions
 *   M5  the account (of su: it, or the caller's) is a member of nhi-only in /etc/group
 *   M6  this transaction has a grant
 *   M7  a key that sshd has verified was once bound for this account
 *
 * People can log in, whatever is wrong with our files. The only exceptions are su and sudo, whose callers choose the
 * limits under which the marks are read: there, a mark that such a limit hides is a denial. Real uid 0 never becomes
 * ours by a failure or by a group.
 */
#ifndef PAM_NHI_STANDING_H
#define PAM_NHI_STANDING_H

#include <stdbool.h>

#include "libnhi/session/presence.h"

enum pnhi_program {
    PNHI_LOGIN, /* sshd, cron, atd, units: root becomes PAM_USER */
    PNHI_SUDO,  /* the subject is the caller, in every phase */
    PNHI_SU,    /* a caller who is not root becomes PAM_USER */
};

/* What was not read is NHI_ABSENT: for a login M2 to M4, which describe the daemon and not the person who logs in
 * through it; the account's range except for su. */
struct pnhi_marks {
    enum pnhi_program program;
    bool root;                  /* real uid 0 */
    enum nhi_presence uid;      /* M1 */
    enum nhi_presence loginuid; /* M2 */
    enum nhi_presence cgroup;   /* M3 */
    enum nhi_presence session;  /* M4 */
    bool over;                  /* that session has ended, or whether it has could not be read */
    enum nhi_presence target;   /* su: the account is in the range */
    enum nhi_presence only;     /* M5 */
    enum nhi_presence grant;    /* M6; blind only if it is known to exist */
    enum nhi_presence key;      /* M7 */
};

enum pnhi_standing {
    PNHI_NOT_OURS,
    PNHI_OURS,
    PNHI_GOES_ON, /* root inside a live session: continues as that session, and nothing is granted */
    PNHI_LEFT,    /* denied: root among the processes that an agent's session left */
    PNHI_HIDDEN,  /* denied: whether it is ours is hidden by a limit, or by a damaged grant */
};

enum pnhi_standing pnhi_standing(const struct pnhi_marks *m);

#endif
