/* SPDX-License-Identifier: ISC */
/*
 * Bystanders: processes in an ending session that belong to somebody else and stay: a daemon of the host that was
 * restarted in it, the processes that it started, and a person's login.
 */
#ifndef NHICTL_BYSTANDER_H
#define NHICTL_BYSTANDER_H

#include "nhictl/process/procs.h"

#define BYSTANDERS_MAX 64

/* The daemons of root that files of root in /run name. */
struct bystanders {
    pid_t daemon[BYSTANDERS_MAX];
    uint32_t audit[BYSTANDERS_MAX]; /* audit session of each; UINT32_MAX: none */
    size_t count;
};

void bystanders_find(struct bystanders *b);
/* Whether a process in that audit session is one of them, or was started by one in the same session. */
bool bystanders_serve(const struct bystanders *b, pid_t pid, uint32_t audit);
/* Removes bystanders from m, the members of a session of the ticket jti. audit: of the session itself; UINT32_MAX:
 * none. any: bystanders were found. */
NHI_CHECK enum nhi_err bystanders_remove(const struct bystanders *b, struct members *m, const char *jti, uint32_t audit,
                                         bool *any);

#endif
