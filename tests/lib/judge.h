/* SPDX-License-Identifier: ISC */
/*
 * The claims of a ticket as jansson reads them: the judge of our own reader.
 */
#ifndef TESTS_JUDGE_H
#define TESTS_JUDGE_H

#include "libnhi/ticket/ticket.h"

/* As nhi_claims_decode. */
enum nhi_err judge_claims(const char *json, size_t len, struct nhi_ticket *out);

#endif
