/* SPDX-License-Identifier: ISC */
/*
 * Properties of the caller that the command of nhictl run does not inherit.
 */
#ifndef NHICTL_RUN_CLEAN_H
#define NHICTL_RUN_CLEAN_H

#include "nhictl/run/run.h"

/* Still as root. If either of these two returns false, errno says why, and the command must not begin. */
bool run_clean_start(void);
/* As the account. */
bool run_drop_capabilities(void);

#endif
