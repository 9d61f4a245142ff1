/*
 * The directories of cgroups. Inside libnhi only.
 */
#ifndef NHI_CGROUP_DIR_H
#define NHI_CGROUP_DIR_H

#include <stdbool.h>

#include "libnhi/err.h"

#define NHI_CGROUP_NAME_MAX 63

/* The directory of all sessions' cgroups, made when it is missing and make is set. The caller closes it.
 * NHI_ERR_STATE: there is none, or it is not root's alone. */
NHI_CHECK enum nhi_err nhi_cgroup_open_dir(bool make, int *fd);
bool nhi_cgroup_write(int dirfd, const char *file, const char *text);

#endif
