/* SPDX-License-Identifier: ISC */
/*
 * The records of a tail, one after the other.
 */
#ifndef NHI_STATE_TAIL_H
#define NHI_STATE_TAIL_H

#include <stdbool.h>

#include "libnhi/state/state_format.h"

struct state_at {
    struct state_record head;
    const uint8_t *key, *value;
};

/* The record at *at, which is moved past it. NHI_ERR_NOT_FOUND: the tail ends there. NHI_ERR_CORRUPT: no writer leaves
 * this, but a read at the same time as a write may see it. check: whether its sum was not
 * verified before. */
NHI_CHECK enum nhi_err state_tail_next(const uint8_t *tail, size_t size, size_t *at, bool check, struct state_at *out);

bool state_key_is(const struct nhi_fact_key *key, uint8_t kind, const uint8_t *bytes, size_t len);

#endif
