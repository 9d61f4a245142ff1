/* SPDX-License-Identifier: ISC */
/*
 * Two versions of the ledger's tables that no release has, for testing what a later release will do. They replace
 * libnhi/ledger/schema_steps.c in test_schema and in a separate nhictl.
 */
#include "libnhi/ledger/schema_steps.h"

#include <stddef.h>

const char *const nhi_schema_steps[] = {
    "ALTER TABLE agent ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';"
    "UPDATE agent SET colour = 'red' WHERE state = 2;",
    /* With a row that the first one made. */
    "CREATE TABLE made_up (agent TEXT PRIMARY KEY, colour TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO made_up SELECT name, colour FROM agent;"
    "CREATE INDEX made_up_by_colour ON made_up (colour);",
    NULL,
};
