/*
 * Registered sessions: what a grant opened, and who is inside.
 *
 * One file under NHI_RUN_DIR/sessions names a handle that pid reuse cannot confuse and holds the grant
 * record. It needs no ledger, and it stays after the session has closed: what is left of a session
 * remains that agent's.
 *
 *   a-BOOT-ID          the kernel's audit session, where the login got one of its own
 *   p-BOOT-PID-START   the process that opened the session, and all that descends from it
 */
#ifndef NHI_SESSION_H
#define NHI_SESSION_H

#include "libnhi/grant.h"

#define NHI_SESSIONS_DIR "sessions"

/* run_dir is made when it is missing, root 0700. g: the grant that opened it; g->self is the process that
 * holds the session open. login_uid: the account's uid where this process is a login's own, so that an
 * audit session set for that uid which the parent does not share is this login's alone; -1 elsewhere.
 * NHI_ERR_EXISTS: that handle is another ticket's. */
NHI_CHECK enum nhi_err nhi_session_register(const char *run_dir, const struct nhi_grant *g,
                                            int64_t login_uid);
/* The opposite, for the handle of a process that is about to end: nobody could be found inside any more.
 * An audit session stays, since what is left of it remains that agent's. */
void nhi_session_forget(const char *run_dir, const struct nhi_proc *self);

/* The handle of a session that was registered without a login of its own, as nhictl run does: that of
 * g->self. out: at least NHI_TREE_MAX + 1 bytes. */
void nhi_session_handle(const struct nhi_grant *g, char *out);
/* Whether the process of such a handle is there still. What cannot be looked at is. */
bool nhi_session_is_alive(const char *handle);

/* The innermost registered session that process pid is inside. NHI_ERR_NOT_FOUND: none. Any other error
 * means that it is inside one that cannot be read: treat it as an agent. */
NHI_CHECK enum nhi_err nhi_session_find(const char *run_dir, pid_t pid, struct nhi_grant *out);

/* Of all: calls fn with the handle's name, the grant, and whether a process is still inside. */
NHI_CHECK enum nhi_err nhi_session_each(const char *run_dir,
                                        int (*fn)(const char *handle, const struct nhi_grant *,
                                                  bool alive, void *),
                                        void *ctx);

/* Forgets the handles that no process is inside any more. */
NHI_CHECK enum nhi_err nhi_session_sweep(const char *run_dir, uint32_t *removed);

/* Start time of a process, and its parent. NHI_ERR_NOT_FOUND: gone. */
NHI_CHECK enum nhi_err nhi_proc_read(pid_t pid, struct nhi_proc *self, pid_t *parent);
/* The kernel's audit session of a process. NHI_ERR_NOT_FOUND: it has none of its own, or is gone. */
NHI_CHECK enum nhi_err nhi_proc_audit(pid_t pid, uint32_t *session);
/* For whom the login was that a process descends from. NHI_ERR_NOT_FOUND: unset, or gone. */
NHI_CHECK enum nhi_err nhi_proc_loginuid(pid_t pid, uint32_t *uid);
/* This boot's ID, 36 characters. */
NHI_CHECK enum nhi_err nhi_boot_id(char out[37]);

#endif
