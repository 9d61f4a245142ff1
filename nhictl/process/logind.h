/* SPDX-License-Identifier: ISC */
/*
 * systemd's view of a session: the scope of logind that its login leads, and the manager of an agent's own user.
 */
#ifndef NHICTL_LOGIND_H
#define NHICTL_LOGIND_H

#include <stdbool.h>

#include "nhictl/process/procs.h"

#define LOGIND_LINGER_DIR "/var/lib/systemd/linger" /* a file for each user who lingers, with that name */

/* A session of logind. Zeroed: none. */
struct logind_session {
    char id[32];
    uint32_t uid; /* uid of its user */
    bool shared;  /* another login was also in it at the last look */
};

/* The session of logind that the process leads which opened g: the login itself. false: it leads none. What su and sudo
 * opened is in a session of logind that they do not lead. m: the processes of g's session, by which it is found when
 * the leader has ended. */
bool logind_find(const struct nhi_grant *g, const struct members *m, struct logind_session *out);
/* Adds the processes in its scope, except logins without the ticket jti, which came in through a daemon that was
 * started there. */
NHI_CHECK enum nhi_err logind_add(struct logind_session *l, const char *jti, struct members *m, const struct procs *p);
/* TerminateSession; does nothing if it is shared. Does not wait for the answer. */
void logind_terminate(const struct logind_session *l);

/* The cgroup of a process in systemd's hierarchy, from the top as this process sees it. */
bool logind_cgroup(pid_t pid, char *path, size_t size);
/* The uid of the login of that audit session, if logind knows it. */
bool logind_knows(uint32_t audit, uint32_t *uid);

/* Whether systemd is stopping everything for a shutdown; false: it does not report that within a second. */
bool systemd_is_stopping(void);

/* Stops the user's own manager and its units. Does not wait for the answer. */
void logind_stop_user(uint32_t uid);
/* Whether that process belongs to a unit of that user, which the manager ends in order. */
bool logind_is_managed(pid_t pid, uint32_t uid);
/* Since when the user lingers, in nanoseconds since the epoch; 0: the user does not, or another uid has that name. */
int64_t logind_lingers(const char *name, uint32_t uid);
/* Ends the lingering. false: the user, by the same name, did not linger. */
bool logind_end_linger(const char *name, uint32_t uid);

#endif
