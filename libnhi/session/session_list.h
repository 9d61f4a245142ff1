/* SPDX-License-Identifier: ISC */
/*
 * Listing registered sessions, and closing those without processes. Used by nhictl.
 */
#ifndef NHI_SESSION_LIST_H
#define NHI_SESSION_LIST_H

#include "libnhi/session/session.h"
#include "libnhi/session/session_index.h"

/* Whether the process of such a handle or tree still exists; what it left behind does not count. A process that cannot
 * be looked at counts, also one of another PID namespace. */
bool nhi_session_is_alive(const char *handle);
/* For all sessions: calls fn with the handle's name, the grant, and whether a process is still inside. */
NHI_CHECK enum nhi_err nhi_session_each(const char *run_dir,
                                        int (*fn)(const char *handle, const struct nhi_grant *, bool alive, void *),
                                        void *ctx);
/* The same for those that are meant, found by the index; and for those that are not in it, so that none is missed. */
NHI_CHECK enum nhi_err
nhi_session_each_about(const char *run_dir, const struct nhi_session_about *about,
                       int (*fn)(const char *handle, const struct nhi_grant *, bool alive, void *), void *ctx);
/* The same for those with these handles; of each, nothing if it is not registered. */
NHI_CHECK enum nhi_err nhi_session_each_of(const char *run_dir, const char (*handles)[NHI_TREE_MAX + 1], size_t count,
                                           int (*fn)(const char *handle, const struct nhi_grant *, bool alive, void *),
                                           void *ctx);
struct nhi_session_count {
    uint32_t registered;
    uint32_t ending;            /* those of them that something has begun to end */
    char one[NHI_TREE_MAX + 1]; /* the handle of one of the latter */
};
/* Counts what is recorded, without looking at processes or records. */
NHI_CHECK enum nhi_err nhi_session_count(const char *run_dir, struct nhi_session_count *out);
/* Ends the sessions that no longer have a process inside. */
NHI_CHECK enum nhi_err nhi_session_sweep(const char *run_dir, uint32_t *removed);
/* Ends those of the sessions with these handles that no longer have a process inside. */
NHI_CHECK enum nhi_err nhi_session_sweep_of(const char *run_dir, const char (*handles)[NHI_TREE_MAX + 1], size_t count);

#endif
