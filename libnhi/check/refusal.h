/* SPDX-License-Identifier: ISC */
#ifndef NHI_REFUSAL_H
#define NHI_REFUSAL_H

#include "libnhi/check/check.h"
#include "libnhi/grant/refused.h"

/* Sets what the verdict knows of a refusal: its reason, and whose ticket it was, or the key name that the ticket
 * claims. */
void nhi_refusal_name(struct nhi_refusal *r, const struct nhi_verdict *v);

#endif
