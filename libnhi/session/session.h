/* SPDX-License-Identifier: ISC */
/*
 * Registered sessions: what a grant opened, and which processes are inside.
 *
 * One file under NHI_RUN_DIR/sessions names a handle that pid reuse cannot confuse and holds the grant record. It needs
 * no ledger, and it stays after the session has closed: processes that a session left behind remain that agent's. When
 * the session has ended, the file gets a name with the reason, and then becomes an event (session_end.c).
 *
 *   a-BOOT-ID          the kernel's audit session, where the login got one of its own
 *   p-BOOT-PID-START   the process that opened the session, and all that descends from it
 *
 * Where there are cgroups for it (cgroup.h), a session is in one of its handle's name, too: what has lost its parent is
 * still found, and can be ended at once.
 */
#ifndef NHI_SESSION_H
#define NHI_SESSION_H

#include "libnhi/grant/grant.h"

#define NHI_SESSIONS_DIR "sessions"

/* run_dir and what is in it, root 0700, where it is missing. */
NHI_CHECK enum nhi_err nhi_session_make_dir(const char *run_dir);

/* What this process is to the session that it registers. */
enum nhi_session_of {
    NHI_OF_LOGIN, /* a login's own: an audit session set for its uid which the parent does not share is its */
    NHI_OF_CALL,  /* su, sudo, nhictl run: in somebody's login, of which it is to leave the audit session */
    NHI_OF_TREE,  /* known by descent alone, as where the kernel gives no audit session */
};

/* run_dir is made when it is missing, root 0700. dir: the state directory, where the session is recorded as well,
 * since a boot empties the other. g: the grant that opened it; g->self is this process, which
 * holds the session open. A login or a call without an audit session of its own is given one for uid, where
 * the kernel does that. NHI_ERR_EXISTS: that handle is another ticket's. */
NHI_CHECK enum nhi_err nhi_session_register(const char *run_dir, const char *dir, const struct nhi_grant *g,
                                            enum nhi_session_of of, uint32_t uid);

/* Takes a name away without a trace. false: it was gone. */
bool nhi_session_remove(const char *run_dir, const char *name);

/* The handle of a session that was registered without a login of its own, as nhictl run does: that of
 * g->self. out: at least NHI_TREE_MAX + 1 bytes. */
void nhi_session_handle(const struct nhi_grant *g, char *out);
/* The same with the PID namespace in which its number is one, as the ledger names a process tree. */
void nhi_session_tree(const struct nhi_grant *g, char *out);

/* The names of handles: of an audit session, and of a process with what descends from it. */
void nhi_session_audit_name(char *name, size_t size, const char *boot, uint32_t id);
void nhi_session_proc_name(char *name, size_t size, const char *boot, const struct nhi_proc *p);
/* What a session is called that g opened in an audit session; at least NHI_TREE_MAX + 1 bytes. */
void nhi_session_audit_handle(const struct nhi_grant *g, uint32_t audit, char *out);
/* Whether there may be somebody inside after the process that registered it, so that it has to stay when that has
 * closed it. */
bool nhi_session_outlives(const struct nhi_grant *g, const char *handle);

#endif
