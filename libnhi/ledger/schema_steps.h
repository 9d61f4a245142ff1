/* SPDX-License-Identifier: ISC */
/*
 * From one version of the ledger's tables to the next: the first text makes version 2 out of version 1, the second
 * version 3 out of that, and so on; the last is NULL. Their number decides which version this release reads and writes.
 * A new ledger begins with version 1 and takes the same steps as an old one, so that the columns of both have one
 * order.
 */
#ifndef NHI_SCHEMA_STEPS_H
#define NHI_SCHEMA_STEPS_H

extern const char *const nhi_schema_steps[];

#endif
