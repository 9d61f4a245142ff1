/* SPDX-License-Identifier: ISC */
/*
 * The inputs of restore: the backup, and the present ledger.
 */
#ifndef NHICTL_RESTORE_OPEN_H
#define NHICTL_RESTORE_OPEN_H

#include "nhictl/ledger/restore.h"

/* These return CTL_DONE, or another exit code after saying what was wrong. The backup that the operand names, into
 * memory. */
int restore_open_copy(struct ctl *c, struct restoring *r);
/* Those of --without are retired in it, each under another name. */
int restore_leave_out(struct ctl *c, struct restoring *r, const char *names);
/* That this host could take what is in it: names, numbers, homes, the trail. Before anything is changed. */
int restore_check_copy(struct ctl *c, const struct restoring *r);
/* Where a new ledger was made and nothing came into it: what was there before is there again. */
void restore_undo(struct store *s, struct restoring *r);
/* Where all came into it: what was there without agents is no more. */
void restore_done(const struct restoring *r);
/* The ledger that is there; a new one where none is, or none that can be used, or none that knows any agent. */
int restore_open_ledger(struct ctl *c, struct store *s, struct restoring *r);
/* Where it is missing. What the lost one held is among what nobody knows any more. */
int restore_make_reserve(struct ctl *c);

#endif
