/* SPDX-License-Identifier: ISC */
/*
 * Logins to the account, and its commands with sudo, as far as logs show them.
 */
#ifndef NHICTL_ADOPT_LOG_H
#define NHICTL_ADOPT_LOG_H

#include "nhictl/adopt/adopt.h"

/* Each reads one kind of file; a file that cannot be read counts as missing. */
void adopt_logs(struct adopt *a); /* after the keys */

#endif
