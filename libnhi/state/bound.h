/* SPDX-License-Identifier: ISC */
/*
 * Which public keys tickets were ever bound to, and which accounts they ever named: what of the published state has to
 * be known before anything is published, so that the key of an agent never counts as that of a person.
 *
 * A file in the state directory, which only grows and outlives a boot. nhictl adds to it before the ledger has the same
 * (bound_write.h); a login reads it only while there is no published state that it can use.
 */
#ifndef NHI_BOUND_H
#define NHI_BOUND_H

#include <stdint.h>

#include "libnhi/key/paseto.h"
#include "libnhi/state/source.h"

#define NHI_BOUND_FILE "bound-1" /* 0600; the number is that of its format */

/* A record: NHI_FACT_BOUND or NHI_FACT_NAMED and its key. One that a killed writer left incomplete has another sum. */
struct bound_record {
    uint8_t kind, len;
    uint8_t zero[6];
    uint64_t sum; /* over the record, with a sum of zero */
    uint8_t key[48];
};
_Static_assert(sizeof(struct bound_record) == 64, "records lie one after the other");

uint64_t bound_sum(struct bound_record r);

/* Whether a ticket was ever bound to that key, and one ever named that account. dir: the state directory.
 * NHI_ERR_NOT_FOUND: no. NHI_ERR_UNSAFE, NHI_ERR_SYS: not known. */
NHI_CHECK enum nhi_err nhi_bound_has(const char *dir, const uint8_t key[NHI_PK_LEN], const char *account);

#endif
