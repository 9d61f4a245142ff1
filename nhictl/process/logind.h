/* SPDX-License-Identifier: ISC */
/*
 * systemd's view of a session: the scope of logind that its login leads, and the manager of an agent's own user.
 */
#ifndef NHICTL_LOGIND_H
#define NHICTL_LOGIND_H

#include <stdbool.h>

#include "nhictl/process/procs.h"

#define LOGIND_LINGER_DIR "/var/lib/systemd/linger" /* a file for each user who lingers, of that name */

/* A session of logind. Zeroed: none. */
struct logind_session {
    char id[32];
    uint32_t uid; /* whose it is */
    bool shared;  /* somebody else was in it, too, at the last look */
};

/* The one that the process leads which opened g: the login itself. false: it leads none. What su and sudo opened lies
 * in somebody's session of logind, which they do not lead. m: its processes, by which it is found when the leader has
 * gone. */
bool logind_find(const struct nhi_grant *g, const struct members *m, struct logind_session *out);
/* Adds what is in its scope, but for logins that are not of the ticket jti: those that a daemon let in which was
 * started there. */
NHI_CHECK enum nhi_err logind_add(struct logind_session *l, const char *jti, struct members *m, const struct procs *p);
/* TerminateSession; where it is shared, nothing. Does not wait for the answer. */
void logind_terminate(const struct logind_session *l);

/* The cgroup that systemd has a process in, from the top as this process sees it. */
bool logind_cgroup(pid_t pid, char *path, size_t size);
/* For whom the login was of that audit session, where logind knows of one. */
bool logind_knows(uint32_t audit, uint32_t *uid);

/* Whether systemd stops everything, for the host to go down; false: where nobody says so within a second. */
bool systemd_is_stopping(void);

/* Stops the user's own manager and its units. Does not wait for the answer. */
void logind_stop_user(uint32_t uid);
/* Whether that process is one of them, which the manager ends in order. */
bool logind_is_managed(pid_t pid, uint32_t uid);
/* Since when, in nanoseconds since the epoch; 0: it does not, or somebody of that name does who has another uid. */
int64_t logind_lingers(const char *name, uint32_t uid);
/* It does not linger any more. false: did not before, by the same word. */
bool logind_end_linger(const char *name, uint32_t uid);

#endif
