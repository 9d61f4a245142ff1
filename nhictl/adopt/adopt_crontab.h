/* SPDX-License-Identifier: ISC */
/*
 * The crontab in which the jobs of the account become an agent's.
 */
#ifndef NHICTL_ADOPT_CRONTAB_H
#define NHICTL_ADOPT_CRONTAB_H

#include "nhictl/adopt/adopt.h"

/* Writes text as one word of a shell. */
void adopt_put_quoted(FILE *f, const char *text, size_t len);
/* The line of a crontab that runs a job as the agent. beside: with a task that may run beside others. */
void adopt_put_job(FILE *f, const struct adopt *a, const struct adopt_job *j, bool beside);
/* What the crontab set for cron itself, as comments. */
void adopt_put_for_cron(FILE *f, const struct adopt_job *j);

#endif
