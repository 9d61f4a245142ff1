/* SPDX-License-Identifier: ISC */
/*
 * Tasks that end by themselves: at their deadline, and after being idle for too long.
 */
#ifndef NHICTL_TASK_SWEEP_H
#define NHICTL_TASK_SWEEP_H

#include "libnhi/ledger/ledger.h"

/* Closes the tasks that are due, each with its event. The next command closes those that cannot be closed now. */
void tasks_sweep(struct nhi_ledger *l, int64_t now);
/* When the first task is due, which may be in the past; INT64_MAX: none. */
int64_t tasks_next(struct nhi_ledger *l);

#endif
