/* SPDX-License-Identifier: ISC */
/*
 * A grant record as text.
 */
#ifndef NHI_GRANT_RECORD_H
#define NHI_GRANT_RECORD_H

#include "libnhi/grant/grant.h"

/* JSON of one record. text is new; the caller frees it. */
NHI_CHECK enum nhi_err nhi_grant_encode(const struct nhi_grant *g, char **text);
NHI_CHECK enum nhi_err nhi_grant_decode(const char *text, size_t len, struct nhi_grant *out);

#endif
