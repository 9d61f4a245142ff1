/* SPDX-License-Identifier: ISC */
/*
 * What systemd knows about a unit.
 */
#ifndef NHICTL_LEFTOVER_UNIT_H
#define NHICTL_LEFTOVER_UNIT_H

#include "nhictl/leftover/leftover_accounts.h"
#include "nhictl/leftover/leftover_judge.h"

/* Asks systemd, and waits for a moment only. */
enum leftover_unit leftover_unit_ask(const char *name, const struct leftover_account *a);

#endif
