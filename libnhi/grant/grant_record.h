/* SPDX-License-Identifier: ISC */
/*
 * A grant as text: what the ledger keeps as the detail of its event. record_bytes.h has the form of the file.
 */
#ifndef NHI_GRANT_RECORD_H
#define NHI_GRANT_RECORD_H

#include "libnhi/grant/grant.h"

/* JSON of one grant. text is new; the caller frees it. */
NHI_CHECK enum nhi_err nhi_grant_encode(const struct nhi_grant *g, char **text);
NHI_CHECK enum nhi_err nhi_grant_decode(const char *text, size_t len, struct nhi_grant *out);

#endif
