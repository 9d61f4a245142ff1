/*
 * One process of each session, by a descriptor that reports its end, so that the supervisor need not poll.
 */
#ifndef NHICTL_SESSION_LEADERS_H
#define NHICTL_SESSION_LEADERS_H

#include "nhictl/end/sessions.h"

struct leader;
struct leaders {
    int wait; /* readable when one of them has ended */
    struct leader *all;
    size_t count, room; /* room: for how many descriptors */
    bool some_are_not;  /* followed, for want of those */
};

NHI_CHECK enum nhi_err leaders_open(struct leaders *l);
/* Follows these sessions and no others: of each the process that opened it, and when that has gone, one that is
 * inside still. What cannot be followed is looked at with whatever comes next; false: soon, since of one nobody was
 * found, or one has gone. Descriptors are left for everything else that this process does, however many there are. */
bool leaders_follow(struct leaders *l, const struct sessions *s);
/* Whether any has ended since. */
bool leaders_take(struct leaders *l);
void leaders_close(struct leaders *l);

#endif
