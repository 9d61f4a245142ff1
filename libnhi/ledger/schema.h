/* SPDX-License-Identifier: ISC */
/*
 * The version of the ledger's tables: creating them, and upgrading those of an older release.
 */
#ifndef NHI_SCHEMA_H
#define NHI_SCHEMA_H

#include "libnhi/ledger/ledger.h"

/* That of this release. */
int nhi_schema_version(void);
NHI_CHECK enum nhi_err nhi_schema_create(struct nhi_ledger *l, const char *host, uint32_t uid_min, uint32_t uid_max,
                                         int64_t now);
/* Checks that this is a ledger and upgrades an older schema when writing, in one transaction. NHI_ERR_VERSION: a newer
 * release made it. NHI_ERR_STATE: an older one did, and this is a reader. */
NHI_CHECK enum nhi_err nhi_schema_check(struct nhi_ledger *l);

#endif
