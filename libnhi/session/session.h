/* SPDX-License-Identifier: ISC */
/*
 * Registered sessions: what a grant opened, and which processes are inside.
 *
 * One file under NHI_RUN_DIR/sessions names a handle that pid reuse cannot confuse and holds the grant record. It needs
 * no ledger, and it stays after the session has closed: processes that a session left behind remain that agent's. When
 * the session has ended, the file gets a name with the reason, and then becomes an event (session_end.c).
 *
 *   a-BOOT-ID          the kernel's audit session, where the login got one of its own
 *   p-BOOT-PID-START   the process that opened the session, and its descendants
 *
 * Before it has that name, the file has another one by which it is found for its ticket, task, agent, issuer or rule
 * (session_index.h).
 *
 * Where cgroups are possible (cgroup.h), a session is also in one with its handle's name: processes that lost their
 * parent are still found, and can be ended at once.
 */
#ifndef NHI_SESSION_H
#define NHI_SESSION_H

#include "libnhi/grant/grant.h"

#define NHI_SESSIONS_DIR "sessions"

/* Creates run_dir and its directories if they are missing (root, 0700). */
NHI_CHECK enum nhi_err nhi_session_make_dir(const char *run_dir);

/* How this process belongs to the session that it registers. */
enum nhi_session_of {
    NHI_OF_LOGIN, /* a login: an audit session that was set for its uid and that the parent does not share is the
                     login's own */
    NHI_OF_CALL,  /* su, sudo, nhictl run: a call inside a login, whose audit session it should leave */
    NHI_OF_TREE,  /* known by descent alone, as where the kernel gives no audit session */
};

/* run_dir is created if it is missing (root, 0700). dir: the state directory, where the session is recorded as well,
 * since a boot empties run_dir. g: the grant that opened it; g->self is this process, which holds the session open. A
 * login or a call without an audit session of its own is given one for uid, where the kernel does that. NHI_ERR_EXISTS:
 * another ticket has that handle. */
NHI_CHECK enum nhi_err nhi_session_register(const char *run_dir, const char *dir, const struct nhi_grant *g,
                                            enum nhi_session_of of, uint32_t uid);

/* Removes a name without a trace. false: it did not exist. */
bool nhi_session_remove(const char *run_dir, const char *name);

/* The handle of a session that is not a login, as nhictl run registers it: that of g->self. out: at least NHI_TREE_MAX
 * + 1 bytes. */
void nhi_session_handle(const struct nhi_grant *g, char *out);
/* The same with the PID namespace that the pid belongs to, as the ledger names a process tree. */
void nhi_session_tree(const struct nhi_grant *g, char *out);

/* The names of handles: for an audit session, and for a process with its descendants. */
void nhi_session_audit_name(char *name, size_t size, const char *boot, uint32_t id);
void nhi_session_proc_name(char *name, size_t size, const char *boot, const struct nhi_proc *p);
/* The handle of a session that g opened in an audit session; at least NHI_TREE_MAX + 1 bytes. */
void nhi_session_audit_handle(const struct nhi_grant *g, uint32_t audit, char *out);
/* Whether other processes may be inside after the one that registered it, so that the session must stay when that
 * process has closed it. */
bool nhi_session_outlives(const struct nhi_grant *g, const char *handle);

#endif
