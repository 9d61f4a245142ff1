/* SPDX-License-Identifier: ISC */
/*
 * Issuers in the ledger: the keys that sign tickets for this host.
 */
#ifndef NHI_LEDGER_ISSUER_H
#define NHI_LEDGER_ISSUER_H

#include "libnhi/ledger/ledger.h"

/* NHI_ERR_EXISTS: key names are never used twice, and keys are not either. */
NHI_CHECK enum nhi_err nhi_issuer_add(struct nhi_ledger *l, const struct nhi_issuer *i, int64_t now);
NHI_CHECK enum nhi_err nhi_issuer_get(struct nhi_ledger *l, const char *kid, struct nhi_issuer *out);
/* Forward only: active, rotated, retired, revoked. NHI_ERR_STATE otherwise. */
NHI_CHECK enum nhi_err nhi_issuer_set_state(struct nhi_ledger *l, const char *kid, enum nhi_issuer_state state,
                                            const char *reason, int64_t now);
NHI_CHECK enum nhi_err nhi_issuer_each(struct nhi_ledger *l, int (*fn)(const struct nhi_issuer *, void *), void *ctx);

#endif
