/* SPDX-License-Identifier: ISC */
/*
 * The ends of sessions, as files that the fold turns into events.
 */
#ifndef NHI_SESSION_END_H
#define NHI_SESSION_END_H

#include "libnhi/session/session.h"

/* How a session ended, besides the reasons of reason.c. */
#define NHI_SESSION_WHY "w-"    /* the names of links to the reason, see session_end.c */
#define NHI_END_CLOSED "closed" /* its program closed it */
#define NHI_END_BY_HAND "by-hand"
#define NHI_END_GONE "gone"     /* no process is inside any more, and none recorded why */
#define NHI_END_REBOOT "reboot" /* it was of another boot, or the host was shutting down */

/* Renames a handle without processes to an ended session. boot: the ID of this boot. false: the handle no longer
 * exists. */
bool nhi_session_bury(int dirfd, const char *handle, const char *boot);

/* For the process that registered it, g->self, which closes it: the handle of a process ends here. An audit session or
 * a cgroup stays while a process is inside, since what is left of it remains that agent's. g: as it was registered. */
void nhi_session_close(const char *run_dir, const struct nhi_grant *g);
/* The same for the last process in it: nothing of the session is left, whatever its handle is. */
void nhi_session_leave(const char *run_dir, const struct nhi_grant *g);
/* Call it before you end a session: from now on this is how it ends, whatever its program does about it. */
void nhi_session_say_why(const char *run_dir, const char *id, const char *reason);
/* For any handle, once no process is inside: id is that of its grant. NHI_ERR_NOT_FOUND: it has ended already, or never
 * belonged to that grant. */
NHI_CHECK enum nhi_err nhi_session_end(const char *run_dir, const char *handle, const char *id, const char *reason);

/* A session that has ended, and is not in the ledger yet. */
struct nhi_session_end {
    char file[256]; /* its name, for nhi_session_remove */
    char handle[NHI_TREE_MAX + 1], reason[32];
    int64_t at;
    struct nhi_grant g;
};
NHI_CHECK enum nhi_err nhi_session_each_end(const char *run_dir,
                                            enum nhi_err (*fn)(const struct nhi_session_end *, void *), void *ctx);
/* Changes the ends of closed and lost sessions to an end by reboot, if goes_down returns that the host is shutting
 * down: programs that it stops close their sessions. goes_down is called once, and only if there is such a session. */
void nhi_session_ends_by_reboot(const char *run_dir, bool (*goes_down)(void));
/* Whether a session with that handle exists. True if that is not known. */
bool nhi_session_is_registered(const char *run_dir, const char *handle);

#endif
