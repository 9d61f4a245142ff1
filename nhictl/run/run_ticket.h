/* SPDX-License-Identifier: ISC */
/*
 * The ticket of nhictl run, whose text nobody gets. It works inside the process tree of this process, and ends with it.
 */
#ifndef NHICTL_RUN_TICKET_H
#define NHICTL_RUN_TICKET_H

#include "nhictl/run/run.h"

/* Opens the task, records the ticket, registers this process as a session. An exit code of nhictl.
 */
int run_open(struct ctl *c, const struct run_args *args, struct run *r);
int run_renew(struct ctl *c, struct run *r);

#endif
