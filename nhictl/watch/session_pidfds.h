/* SPDX-License-Identifier: ISC */
/*
 * One process of each session, by a descriptor that reports its end, so that the supervisor need not poll.
 */
#ifndef NHICTL_SESSION_PIDFDS_H
#define NHICTL_SESSION_PIDFDS_H

#include "nhictl/process/sessions.h"

struct session_pidfd;
struct session_pidfds {
    int wait; /* readable when one of them has ended */
    struct session_pidfd *all;
    size_t count, had_room; /* had_room: of all */
    size_t room;            /* the number of descriptors that fit */
    bool some_are_not;      /* not all sessions are followed, for want of descriptors */
};

NHI_CHECK enum nhi_err session_pidfds_open(struct session_pidfds *l);
/* Follows these sessions and no others: for each the process that opened it, and when that has ended, another that is
 * still inside. Sessions that cannot be followed are looked at on the next occasion; false: look again soon, since one
 * had no process, or a followed one has gone. Descriptors are left for everything else that this process does, however
 * many sessions exist. */
bool session_pidfds_follow(struct session_pidfds *l, const struct sessions *s);
/* Follows these as well. false: as above. */
bool session_pidfds_add(struct session_pidfds *l, const struct sessions *s);
/* Those of s->handles that are not followed count as if their process had ended. false: no memory. */
bool session_pidfds_lose(struct session_pidfds *l, const struct sessions *s);
/* Those whose followed process has ended: ends the ones without processes, and follows another process of the others.
 * false: try again later. */
bool session_pidfds_mend(struct session_pidfds *l);
/* Whether any process has ended since. */
bool session_pidfds_take(struct session_pidfds *l);
void session_pidfds_close(struct session_pidfds *l);

#endif
