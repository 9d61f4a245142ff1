/* SPDX-License-Identifier: ISC */
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

#include "libnhi/base/err.h"

#define NHI_CGROUP_DIR "nhi"

/* Whether systemd runs: then the cgroups belong to it. */
bool nhi_cgroup_is_systemds(void);
/* Whether sessions get cgroups here: NHI_ERR_STATE where systemd runs, where no hierarchy of version 2 is mounted in
 * the usual place, or where it does not belong to root. */
NHI_CHECK enum nhi_err nhi_cgroup_usable(void);

/* Puts this process, and so everything that it starts later, into the cgroup of that handle. A process that is in a
 * session's cgroup stays there: NHI_ERR_EXISTS. NHI_ERR_STATE: as above. */
NHI_CHECK enum nhi_err nhi_cgroup_enter(const char *handle);

/* The handle of the session's cgroup that the process is in. NHI_ERR_NOT_FOUND: it is in none, or has ended. Nothing is
 * allocated; errno has the details of an error. */
NHI_CHECK enum nhi_err nhi_cgroup_of(pid_t pid, char *handle, size_t size);

/* Takes this process out of a session's cgroup, if it is in one and can leave: for a login through a daemon that was
 * restarted from a session, but does not belong to it. */
void nhi_cgroup_leave(void);

/* The directory of all sessions' cgroups; with make, it is created if it is missing. The caller closes it.
 * NHI_ERR_STATE: it does not exist, or is not root's alone. */
NHI_CHECK enum nhi_err nhi_cgroup_open_dir(bool make, int *fd);
bool nhi_cgroup_write(int dirfd, const char *file, const char *text);

#endif
