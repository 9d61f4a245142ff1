/* SPDX-License-Identifier: ISC */
/*
 * Reasons of decisions: their names, and the sentences for people.
 */
#ifndef NHI_REASON_H
#define NHI_REASON_H

#include "libnhi/policy/decide.h"

/* "permit", "expired", "issuer-unknown" …: for logs, events and JSON. */
const char *nhi_reason_name(enum nhi_reason r);
/* The reason with that name. false: no such reason. */
bool nhi_reason_find(const char *name, enum nhi_reason *out);
/* A sentence for people, without a final period. */
const char *nhi_reason_text(enum nhi_reason r);
const char *nhi_source_name(enum nhi_source s);
bool nhi_source_find(const char *name, enum nhi_source *out);
/* Whether a denial for that reason also ends what the ticket opened before. A reason that only denies new logins does
 * not, and neither does a failure of ours. */
bool nhi_reason_is_end(enum nhi_reason r);
/* Whether a genuine ticket was used for something that it is not for. */
bool nhi_reason_is_attempt(enum nhi_reason r);

#endif
