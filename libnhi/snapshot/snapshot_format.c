/* SPDX-License-Identifier: ISC */
/*
 * The sum of the snapshot's parts, and the hash of its tables.
 */
#include "libnhi/snapshot/snapshot_format.h"

#include <string.h>

/* Each step is a bijection of the sum and of the word, so the change of one word is not lost later. The multiplier is
 * the golden ratio in 64 bits, an odd number. */
static uint64_t step(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 32;
}

uint64_t nhi_snapshot_sum(const unsigned char *bytes, size_t len)
{
    uint64_t even = len + 1, odd = 0, last = 0; /* what is all zero has no sum of zero */

    /* Two at a time, since a processor can take the two steps at once. */
    for (; len >= 16; bytes += 16, len -= 16) {
        even = step(even, nhi_snapshot_get64(bytes));
        odd = step(odd, nhi_snapshot_get64(bytes + 8));
    }
    if (len >= 8) {
        even = step(even, nhi_snapshot_get64(bytes));
        bytes += 8;
        len -= 8;
    }
    for (size_t i = 0; i < len; i++)
        last |= (uint64_t)bytes[i] << 8 * i;
    return step(even, len > 0 ? step(odd, last) : odd);
}

static struct nhi_snapshot_place place(uint64_t hash, uint32_t tag, uint32_t buckets)
{
    const struct nhi_snapshot_place p = { tag, (uint32_t)((hash >> 32) * buckets >> 32) };

    return p;
}

struct nhi_snapshot_place nhi_snapshot_place_name(const char *name, uint32_t buckets)
{
    uint64_t hash = nhi_snapshot_sum((const unsigned char *)name, strlen(name));

    return place(hash, (uint32_t)hash, buckets);
}

struct nhi_snapshot_place nhi_snapshot_place_uid(uint32_t uid, uint32_t buckets)
{
    return place(step(0, uid), uid, buckets);
}
