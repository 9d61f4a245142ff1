/* SPDX-License-Identifier: ISC */
/*
 * The tables of the ledger's first version, with which each ledger begins: SQL texts in order; the last is NULL.
 */
#ifndef NHI_SCHEMA_TABLES_H
#define NHI_SCHEMA_TABLES_H

extern const char *const nhi_schema_tables[];

#endif
