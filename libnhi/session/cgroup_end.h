/* SPDX-License-Identifier: ISC */
/*
 * The processes in a session's cgroup, and ending them. Used by nhictl.
 */
#ifndef NHI_CGROUP_END_H
#define NHI_CGROUP_END_H

#include "libnhi/session/cgroup.h"

bool nhi_cgroup_is_populated(const char *handle);
/* Each process in it and below it; fn: returns 0 to continue. Processes of another PID namespace are left out. */
NHI_CHECK enum nhi_err nhi_cgroup_each(const char *handle, int (*fn)(pid_t, void *), void *ctx);
/* Sends SIGKILL to all its processes at once, also to frozen ones. NHI_ERR_STATE: the kernel (before 5.14) cannot. */
NHI_CHECK enum nhi_err nhi_cgroup_kill(const char *handle);
/* Removes every session's cgroup without processes. */
void nhi_cgroup_sweep(void);

#endif
