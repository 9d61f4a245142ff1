/* SPDX-License-Identifier: ISC */
/*
 * Requests with expected outcomes, against policy files.
 */
#ifndef NHICTL_POLICY_CASES_H
#define NHICTL_POLICY_CASES_H

#include "nhictl/policy/policy.h"

/* The verb. */
int policy_test(struct ctl *c);

#endif
