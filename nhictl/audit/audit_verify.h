/* SPDX-License-Identifier: ISC */
/*
 * audit verify: whether the trail was changed.
 */
#ifndef NHICTL_AUDIT_VERIFY_H
#define NHICTL_AUDIT_VERIFY_H

#include "nhictl/audit/signed_head.h"

/* Whether the trail of the open ledger is unchanged, as far as the trail itself can show. fault: the first error, as a
 * sentence; empty: none. */
NHI_CHECK enum nhi_err head_prove(struct store *s, char *fault, size_t size);

#endif
