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
    size_t count, room; /* room: for how many descriptors */
    bool some_are_not;  /* followed, for want of those */
};

NHI_CHECK enum nhi_err session_pidfds_open(struct session_pidfds *l);
/* Follows these sessions and no others: of each the process that opened it, and when that has gone, one that is
 * inside still. What cannot be followed is looked at with whatever comes next; false: soon, since of one nobody was
 * found, or one has gone. Descriptors are left for everything else that this process does, however many there are. */
bool session_pidfds_follow(struct session_pidfds *l, const struct sessions *s);
/* Whether any has ended since. */
bool session_pidfds_take(struct session_pidfds *l);
void session_pidfds_close(struct session_pidfds *l);

#endif
