/*
 * Processes in an ending session that belong to somebody else: a daemon of the host that was restarted inside it, with
 * its clients, and a person's login.
 */
#ifndef NHICTL_GUEST_H
#define NHICTL_GUEST_H

#include "nhictl/process/procs.h"

#define GUESTS_MAX 64

/* The daemons of root's of which a file of root's in /run says so. */
struct guests {
    pid_t daemon[GUESTS_MAX];
    uint32_t audit[GUESTS_MAX]; /* of each; UINT32_MAX: none */
    size_t count;
};

void guests_look(struct guests *g);
/* Whether a process in that audit session is one of them, or was started by one that is in it, too. */
bool guests_serve(const struct guests *g, pid_t pid, uint32_t audit);
/* Takes who is a guest out of m, the members of a session of the ticket jti. audit: of the session itself; UINT32_MAX:
 * none. any: there were some. */
NHI_CHECK enum nhi_err guests_take_out(const struct guests *g, struct members *m, const char *jti, uint32_t audit,
                                       bool *any);

#endif
