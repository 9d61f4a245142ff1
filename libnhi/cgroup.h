/*
 * A session's own cgroup (version 2), on hosts without systemd: what is started in it stays in it, and one write
 * ends all of it. Where systemd runs, cgroups are systemd's, and none is made here.
 *
 * It has the name of the session's handle, in the directory NHI_CGROUP_DIR at the top of the hierarchy. cgroups(7),
 * and "Control Group v2" in the kernel's documentation.
 */
#ifndef NHI_CGROUP_H
#define NHI_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "libnhi/err.h"

#define NHI_CGROUP_DIR "nhi"

/* Whether systemd runs, whose they are then. */
bool nhi_cgroup_is_systemds(void);
/* Whether sessions get cgroups here: NHI_ERR_STATE where systemd runs, where no hierarchy of version 2 is mounted in
 * the usual place, or where it belongs to somebody else than root. */
NHI_CHECK enum nhi_err nhi_cgroup_usable(void);

/* Puts this process, and so all that it starts from here on, into the cgroup of that handle. One that is in a
 * session's cgroup stays there: NHI_ERR_EXISTS. NHI_ERR_STATE: as above. */
NHI_CHECK enum nhi_err nhi_cgroup_enter(const char *handle);

/* The handle of the session's cgroup that the process is in. NHI_ERR_NOT_FOUND: in none, or gone. Nothing is
 * allocated; of an error errno says which. */
NHI_CHECK enum nhi_err nhi_cgroup_of(pid_t pid, char *handle, size_t size);

/* Takes this process out of a session's cgroup, where it is in one and can: for a login through a daemon that a
 * session restarted, which is no part of that. */
void nhi_cgroup_leave(void);

/* ---- for whoever ends it ---- */

bool nhi_cgroup_is_populated(const char *handle);
/* Each process in it, and below it; fn: return 0 to go on. Those of another PID namespace are left out. */
NHI_CHECK enum nhi_err nhi_cgroup_each(const char *handle, int (*fn)(pid_t, void *), void *ctx);
/* SIGKILL to all of it at once, frozen ones too. NHI_ERR_STATE: the kernel (before 5.14) cannot. */
NHI_CHECK enum nhi_err nhi_cgroup_kill(const char *handle);
/* Removes every session's cgroup that nobody is in. */
void nhi_cgroup_sweep(void);

#endif
