/* SPDX-License-Identifier: ISC */
/*
 * Ending the tickets that scan has found.
 */
#ifndef NHICTL_SCAN_END_H
#define NHICTL_SCAN_END_H

#include "nhictl/scan/scan_find.h"

/* Revokes the live tickets with that reason, and ends their sessions. Closes the store: one process does not read and
 * write a ledger at once. reason: NULL: that it leaked, and where. */
int finder_end(struct ctl *c, struct finder *f, const char *reason, size_t *tickets, struct ended *ended);

#endif
