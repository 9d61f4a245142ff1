/* SPDX-License-Identifier: ISC */
/*
 * The directories of cgroups. Inside libnhi only.
 */
#ifndef NHI_CGROUP_DIR_H
#define NHI_CGROUP_DIR_H

#include <stdbool.h>

#include "libnhi/base/err.h"

#define NHI_CGROUP_NAME_MAX 63

#endif
