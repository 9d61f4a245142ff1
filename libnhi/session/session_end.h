/* SPDX-License-Identifier: ISC */
/*
 * The ends of sessions, as files that the fold turns into events.
 */
#ifndef NHI_SESSION_END_H
#define NHI_SESSION_END_H

#include "libnhi/session/session.h"

/* Words for how, beside those of reason.c. */
#define NHI_END_CLOSED "closed" /* its program said so */
#define NHI_END_BY_HAND "by-hand"
#define NHI_END_GONE "gone"     /* nobody is inside any more, and nobody said how */
#define NHI_END_REBOOT "reboot" /* it was of another boot, or the host was going down */

/* Gives a handle that nobody is inside any more the name of an ended session. boot: the ID of this boot. false: the
 * handle no longer exists. */
bool nhi_session_bury(int dirfd, const char *handle, const char *boot);

/* For the process that registered it, g->self, which closes it: the handle of a process ends with that. An audit
 * session or a cgroup stays while somebody is inside, since what is left of it remains that agent's. g: as it was
 * registered. */
void nhi_session_close(const char *run_dir, const struct nhi_grant *g);
/* The same by the one who is the last in it: whatever handle it has, nothing of it is left. */
void nhi_session_leave(const char *run_dir, const struct nhi_grant *g);
/* Before somebody ends a session: from here on that is how it ends, whatever its program does about it. */
void nhi_session_say_why(const char *run_dir, const char *id, const char *reason);
/* For any handle, once nobody is inside: id is of the grant in it. NHI_ERR_NOT_FOUND: it has ended already, or was
 * another's in the first place. */
NHI_CHECK enum nhi_err nhi_session_end(const char *run_dir, const char *handle, const char *id, const char *reason);

/* What has ended, and is not in the ledger yet. */
struct nhi_session_end {
    char file[256]; /* its name, for nhi_session_remove */
    char handle[NHI_TREE_MAX + 1], reason[32];
    int64_t at;
    struct nhi_grant g;
};
NHI_CHECK enum nhi_err nhi_session_each_end(const char *run_dir,
                                            enum nhi_err (*fn)(const struct nhi_session_end *, void *), void *ctx);
/* Of these, what closed or is gone, as programs do that a host stops on its way down, ended by that: if goes_down says
 * that it does, which is asked once, and only where there is one. */
void nhi_session_ends_by_reboot(const char *run_dir, bool (*goes_down)(void));
/* Whether there is a session of that handle. What cannot be found out is a yes. */
bool nhi_session_is_registered(const char *run_dir, const char *handle);

#endif
