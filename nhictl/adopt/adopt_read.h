/* SPDX-License-Identifier: ISC */
/*
 * What opens an account today: keys, lines of sudoers, crontabs, units.
 */
#ifndef NHICTL_ADOPT_READ_H
#define NHICTL_ADOPT_READ_H

#include "nhictl/adopt/adopt.h"

/* Each reads one kind of file; a file that cannot be read counts as missing. */
void adopt_keys(struct adopt *a);
void adopt_sudo(struct adopt *a);
void adopt_jobs(struct adopt *a);
void adopt_list_add(struct adopt_list *l, const char *text);

#endif
