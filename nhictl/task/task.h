/* SPDX-License-Identifier: ISC */
/*
 * Opening a task, for task open and run.
 */
#ifndef NHICTL_TASK_H
#define NHICTL_TASK_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_task.h"

struct ctl;
struct store;

#define TASK_UNTIL_DEFAULT (8 * 3600) /* seconds */

/* The options of task open. */
struct open_args {
    const char *agent, *from;
    int64_t until, idle;
    bool concurrent;
};

/* The task that c's operand and these options describe. An exit code. */
int task_of(struct ctl *c, const struct open_args *args, struct nhi_task *t);
/* In the open transaction: closes tasks that killed runs have left open. */
int task_end_lost(struct ctl *c, struct store *s);
/* In the open transaction, with its event. concurrent: beside another open task of the agent. Returns CTL_DONE, or
 * another exit code after reporting what is wrong. */
int task_open_in(struct ctl *c, struct store *s, const struct nhi_task *t, bool concurrent);

#endif
