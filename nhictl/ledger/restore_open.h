/* SPDX-License-Identifier: ISC */
/*
 * The inputs of restore: the backup, and the present ledger.
 */
#ifndef NHICTL_RESTORE_OPEN_H
#define NHICTL_RESTORE_OPEN_H

#include "nhictl/ledger/restore.h"

/* These return CTL_DONE, or another exit code after reporting what was wrong. The backup that the operand names, into
 * memory. */
int restore_open_copy(struct ctl *c, struct restoring *r);
/* The agents of --without are retired in it, each under another name. */
int restore_leave_out(struct ctl *c, struct restoring *r, const char *names);
/* Checks that this host could take its content: names, uids, homes, the trail. Before anything is changed. */
int restore_check_copy(struct ctl *c, const struct restoring *r);
/* If a new ledger was made and nothing was restored into it: brings the earlier one back. */
void restore_undo(struct store *s, struct restoring *r);
/* If everything was restored: removes the earlier ledger without agents. */
void restore_done(const struct restoring *r);
/* The present ledger; a new one if none exists, or none that can be used, or none that knows an agent. */
int restore_open_ledger(struct ctl *c, struct store *s, struct restoring *r);
/* If it is missing. The content of a lost reserve is not known. */
int restore_make_reserve(struct ctl *c);

#endif
