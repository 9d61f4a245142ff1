/* SPDX-License-Identifier: ISC */
/*
 * Tasks that end by themselves: at their deadline, and after being idle for too long.
 */
#ifndef NHICTL_TASK_SWEEP_H
#define NHICTL_TASK_SWEEP_H

#include "libnhi/ledger/ledger.h"

/* Closes those that are over, each with its event. What cannot be done now is done by the next command. */
void tasks_sweep(struct nhi_ledger *l, int64_t now);
/* When the first of them ends, or ended; INT64_MAX: none does. */
int64_t tasks_next(struct nhi_ledger *l);

#endif
