/* SPDX-License-Identifier: ISC */
/*
 * task open --from: a task for each line.
 */
#ifndef NHICTL_TASK_MANY_H
#define NHICTL_TASK_MANY_H

#include "nhictl/say/ctl.h"

struct open_args {
    const char *agent, *from;
    int64_t until, idle;
    bool concurrent;
};

/* The task that the operand and args of c describe; reads no ledger. An exit code. */
struct nhi_task;
int task_of(struct ctl *c, const struct open_args *args, struct nhi_task *t);
int task_open_many(struct ctl *c, const struct verb *v, const char *file);

#endif
