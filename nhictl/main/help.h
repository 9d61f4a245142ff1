/* SPDX-License-Identifier: ISC */
/*
 * The output of --help: for one verb, and the overview.
 */
#ifndef NHICTL_HELP_H
#define NHICTL_HELP_H

#include <stdio.h>

#include "nhictl/say/ctl.h"

/* Prints to standard output. Returns the exit code. */
int help_verb(const struct verb *v);
/* tables: as in struct ctl. noun: only its verbs; NULL: all. */
void help_overview(FILE *f, const struct verb *const *tables, const char *noun);

#endif
