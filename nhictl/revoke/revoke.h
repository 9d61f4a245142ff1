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

/* If the ledger cannot be written: the revocation is in force once this returns NHI_OK. The next process that can write
 * the ledger moves it there, with the reason and the user, which the system log gets at once. lasts: false if it ends
 * with a restart of the host before that, since only the run directory could be written. */
NHI_CHECK enum nhi_err revoke_in_reserve(const struct ctl *c, const struct revocation *r, bool *lasts);

int revoke_run(struct ctl *c, const struct revocation *r);

#endif
