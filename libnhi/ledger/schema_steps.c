/* SPDX-License-Identifier: ISC */
/*
 * MUST: a step that was released never changes. It is text and nothing else: no macro, type or function, since these
 * may have another meaning in a later release.
 *
 * There is one version so far. The tests have further ones of their own, in tests/next/schema_steps.c.
 */
#include "libnhi/ledger/schema_steps.h"

#include <stddef.h>

const char *const nhi_schema_steps[] = { NULL };
