/* SPDX-License-Identifier: ISC */
/*
 * The files that init makes, for verbs that restore a ledger or take one over.
 */
#ifndef NHICTL_INIT_H
#define NHICTL_INIT_H

struct ctl;

/* Every directory of ours, with its mode, if it is missing. */
int init_make_dirs(struct ctl *c);
/* Also removes the files that SQLite has beside it. */
void init_remove_ledger(void);

#endif
