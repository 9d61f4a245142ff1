/* SPDX-License-Identifier: ISC */
/*
 * Who is ours, from the marks, each of which was read by itself.
 *
 *   M1  the real uid is in the agents' range: of su and sudo the caller's, else the account's. By number
 *   M2  the caller's login uid is in the range
 *   M3  the caller is in a cgroup of a session's
 *   M4  the caller's audit session, cgroup or an ancestor has a record among the registered sessions
 *   M5  the account (of su: it, or the caller's) is a member of nhi-only in /etc/group
 *   M6  there is a grant of this transaction
 *   M7  a key that sshd saw proven was ever bound for this account
 *
 * People go on, whatever is wrong with files of ours. The one exception are su and sudo, whose callers choose the
 * limits under which the marks are read: what such a limit hides is a denial. Real uid 0 is nobody's by failure or by
 * group.
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

/* What was not looked at is NHI_ABSENT: for a login M2 to M4, which say nothing about who logs in through a daemon;
 * the account's range but for su. */
struct pnhi_marks {
    enum pnhi_program program;
    bool root;                  /* real uid 0 */
    enum nhi_presence uid;      /* M1 */
    enum nhi_presence loginuid; /* M2 */
    enum nhi_presence cgroup;   /* M3 */
    enum nhi_presence session;  /* M4 */
    bool over;                  /* of that session: it is not to go on, or that could not be found out */
    enum nhi_presence target;   /* su: the account is in the range */
    enum nhi_presence only;     /* M5 */
    enum nhi_presence grant;    /* M6; blind only where it is known that there is one */
    enum nhi_presence key;      /* M7 */
};

enum pnhi_standing {
    PNHI_NOT_OURS,
    PNHI_OURS,
    PNHI_GOES_ON, /* root inside a live session: as that session, and nothing is granted */
    PNHI_LEFT,    /* denied: root in what is left of an agent's session */
    PNHI_HIDDEN,  /* denied: a limit, or the damage to a grant, hides whether it is ours */
};

enum pnhi_standing pnhi_standing(const struct pnhi_marks *m);

#endif
