/* SPDX-License-Identifier: ISC */
/*
 * The meaning of a reason for a denial, its usual cause, and what to do.
 */
#ifndef NHICTL_EXPLAIN_REASON_H
#define NHICTL_EXPLAIN_REASON_H

#include "libnhi/policy/reason.h"
#include "nhictl/say/ctl.h"

/* Returns an exit code. */
int explain_reason(struct ctl *c, enum nhi_reason reason);

#endif
