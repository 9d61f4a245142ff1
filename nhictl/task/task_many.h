/* SPDX-License-Identifier: ISC */
/*
 * task open --from: a task for each line.
 */
#ifndef NHICTL_TASK_MANY_H
#define NHICTL_TASK_MANY_H

#include "nhictl/say/ctl.h"

int task_open_many(struct ctl *c, const struct verb *v, const char *file);

#endif
