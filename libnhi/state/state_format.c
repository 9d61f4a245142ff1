/* SPDX-License-Identifier: ISC */
#include "libnhi/state/state_format.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(struct state_head) == STATE_HEAD_SIZE, "the head has a fixed size");
_Static_assert(sizeof(struct state_record) == 32, "records lie at multiples of 8 bytes");
_Static_assert(sizeof(struct state_page) == 16 && sizeof(struct state_entry) == 12 && sizeof(struct state_far) == 16,
               "nothing is padded");

/* The multiplier of splitmix64, and its last step. */
#define MULTIPLIER UINT64_C(0xbf58476d1ce4e5b9)

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * MULTIPLIER;
    return h ^ (h >> 31);
}

uint64_t state_sum(uint64_t seed, const void *data, size_t len)
{
    const uint8_t *at = data;
    uint64_t h = mix(seed, len), word;

    for (; len >= sizeof(word); len -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        h = mix(h, word);
    }
    word = 0;
    memcpy(&word, at, len);
    return mix(mix(h, word), seed);
}

uint32_t state_hash(uint64_t seed, const struct nhi_fact_key *key)
{
    uint64_t h = state_sum(seed + key->kind, key->bytes, key->len);

    return (uint32_t)(h >> 32);
}

uint64_t state_head_sum(const struct state_head *h)
{
    const size_t from = offsetof(struct state_head, seed);

    return state_sum(0, (const char *)h + from, sizeof(*h) - from);
}

uint64_t state_record_sum(const struct state_record *r, const void *rest, size_t len)
{
    const size_t from = offsetof(struct state_record, generation);

    return state_sum(state_sum(r->hash, (const char *)r + from, sizeof(*r) - from), rest, len);
}

uint64_t state_page_sum(uint64_t base, uint32_t number, const void *page)
{
    const size_t from = offsetof(struct state_page, next);

    return state_sum(base + number, (const char *)page + from, STATE_PAGE_SIZE - from);
}

void state_base_name(uint64_t base, char *out)
{
    snprintf(out, STATE_BASE_NAME_MAX, NHI_STATE_BASE ".%016llx", (unsigned long long)base);
}
