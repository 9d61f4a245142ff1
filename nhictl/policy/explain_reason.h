/* SPDX-License-Identifier: ISC */
/*
 * What a reason for a denial means, what usually leads to it, and what to do.
 */
#ifndef NHICTL_EXPLAIN_REASON_H
#define NHICTL_EXPLAIN_REASON_H

#include "libnhi/policy/reason.h"
#include "nhictl/say/ctl.h"

/* Returns an exit code. */
int explain_reason(struct ctl *c, enum nhi_reason reason);

#endif
