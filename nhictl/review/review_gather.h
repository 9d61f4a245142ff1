/* SPDX-License-Identifier: ISC */
/*
 * One pass each over agents, tasks, tickets and events.
 */
#ifndef NHICTL_REVIEW_GATHER_H
#define NHICTL_REVIEW_GATHER_H

#include "nhictl/review/review.h"

/* CTL_DONE, or another exit code after reporting what is wrong. Running out of memory ends the program, as in out.h. */
int review_gather(struct review *r);
void review_free(struct review *r);

#endif
