/* SPDX-License-Identifier: ISC */
/*
 * Names that exist on this host. Nothing is written: pressing a key in a shell is not a command.
 */
#ifndef NHICTL_COMPLETE_NAMES_H
#define NHICTL_COMPLETE_NAMES_H

#include "nhictl/main/complete.h"

/* Adds those that this host has. A user who may not read the ledger gets none of its names, and a file that cannot be
 * read adds no words: a shell that completes has no place for errors. */
void candidates_of(struct candidates *to, enum candidate_kind kind);

#endif
