/* SPDX-License-Identifier: ISC */
/*
 * audit verify: whether the trail was changed.
 */
#ifndef NHICTL_AUDIT_VERIFY_H
#define NHICTL_AUDIT_VERIFY_H

#include "nhictl/audit/signed_head.h"

/* Whether the trail of the open ledger is what it was, as far as it can tell by itself. fault: what is wrong first, as
 * a sentence; empty: nothing. */
NHI_CHECK enum nhi_err head_prove(struct store *s, char *fault, size_t size);

#endif
