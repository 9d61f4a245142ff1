/* SPDX-License-Identifier: ISC */
/*
 * The claims of a ticket, between struct and JSON.
 */
#ifndef NHI_CLAIMS_H
#define NHI_CLAIMS_H

#include "libnhi/ticket/ticket.h"

/* The payload alone, for our own records: one JSON object without whitespace, claims in the order jti sub task aud acc
 * svc iat exp nbf cnf use par ssh. kid is not part of it: decode leaves it empty. encode refuses what decode would
 * refuse (NHI_ERR_FORMAT); free json with nhi_text_free. */
NHI_CHECK enum nhi_err nhi_claims_encode(const struct nhi_ticket *t, char **json);
NHI_CHECK enum nhi_err nhi_claims_decode(const char *json, size_t len, struct nhi_ticket *out);
/* Whether each claim keeps its grammar. Whether cnf is a key with which anything can be proven takes a hundred times as
 * long to find out: encode and decode do that. */
bool nhi_claims_are_formed(const struct nhi_ticket *t);

#endif
