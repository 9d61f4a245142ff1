/* SPDX-License-Identifier: ISC */
/*
 * From one version of the ledger's tables to the next: the first text makes version 2 of version 1, the second version
 * 3 of that, and so on; the last is NULL. How many there are decides which version this release reads and writes. A new
 * ledger begins with version 1 and goes the same way as an old one, so that the columns of both have one order.
 */
#ifndef NHI_SCHEMA_STEPS_H
#define NHI_SCHEMA_STEPS_H

extern const char *const nhi_schema_steps[];

#endif
