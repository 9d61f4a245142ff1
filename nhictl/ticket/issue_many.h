/* SPDX-License-Identifier: ISC */
/*
 * issue --from: a ticket for each line.
 */
#ifndef NHICTL_ISSUE_MANY_H
#define NHICTL_ISSUE_MANY_H

#include "nhictl/ticket/issue.h"

struct verb;

int issue_many(struct ctl *c, const struct verb *v, const struct issue_args *args);

#endif
