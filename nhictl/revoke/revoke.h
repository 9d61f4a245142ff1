/* SPDX-License-Identifier: ISC */
/*
 * Revoking, for revoke and key revoke.
 */
#ifndef NHICTL_REVOKE_H
#define NHICTL_REVOKE_H

#include "libnhi/ledger/ledger.h"
#include "nhictl/process/sessions.h"
#include "nhictl/say/ctl.h"

struct store;

/* In the open transaction, without an event. */
NHI_CHECK enum nhi_err revoke_in(struct ctl *c, struct store *s, const struct revocation *r, uint32_t *live);

/* The same, and its event. */
NHI_CHECK enum nhi_err revoke_record(struct ctl *c, struct store *s, const struct revocation *r, uint32_t *live);

/* Where the ledger cannot be written: in force as soon as it returns NHI_OK, and moved into the ledger by whoever can
 * write that next, with why and by whom, which the system log has at once. */
NHI_CHECK enum nhi_err revoke_in_reserve(const struct ctl *c, const struct revocation *r);

int revoke_run(struct ctl *c, const struct revocation *r);

#endif
