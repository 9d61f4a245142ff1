/* SPDX-License-Identifier: ISC */
/*
 * The snapshot file, for its reader and its writers alone. Format 3: the page PROTOCOL beside this file.
 *
 * Each part carries a sum of its other bytes, which finds rot, not forgery: anybody who can write the file can write
 * anything, which is why the owner is checked.
 */
#ifndef NHI_SNAPSHOT_FORMAT_H
#define NHI_SNAPSHOT_FORMAT_H

#include <endian.h>
#include <stddef.h>
#include <string.h>

#include "libnhi/snapshot/snapshot.h"

#define NHI_SNAPSHOT_MAGIC "NHI-ACC\n"
#define NHI_SNAPSHOT_MAGIC_LEN 8
#define NHI_SNAPSHOT_VERSION 3

/* The header. */
#define NHI_SNAPSHOT_HEADER_LEN 64
#define NHI_SNAPSHOT_AT_VERSION 8
#define NHI_SNAPSHOT_AT_REPLACED 12 /* not in the sum */
#define NHI_SNAPSHOT_AT_SIZE 16
#define NHI_SNAPSHOT_AT_TABLES 24
#define NHI_SNAPSHOT_AT_UID_MIN 32
#define NHI_SNAPSHOT_AT_UID_MAX 36
#define NHI_SNAPSHOT_AT_COUNT 40
#define NHI_SNAPSHOT_AT_BUCKETS 44
#define NHI_SNAPSHOT_AT_STAMP 48
#define NHI_SNAPSHOT_AT_HEADER_SUM 56

/* A bucket of a table: slots, then the sum. A slot: tag, reference. */
#define NHI_SNAPSHOT_BUCKET_LEN 64
#define NHI_SNAPSHOT_SLOTS 7
#define NHI_SNAPSHOT_SLOT_LEN 8
#define NHI_SNAPSHOT_AT_BUCKET_SUM (NHI_SNAPSHOT_SLOTS * NHI_SNAPSHOT_SLOT_LEN)
#define NHI_SNAPSHOT_PER_BUCKET 4 /* accounts, on average, at most */

/* The index: one reference for each account, in ascending order of uid. */
#define NHI_SNAPSHOT_REF_LEN 4

/* A record: the sum first, then fixed numbers, gids, texts, zeros up to a multiple of 8 bytes. */
#define NHI_SNAPSHOT_ALIGN 8 /* of each record; a reference is an offset in these units */
#define NHI_SNAPSHOT_AT_UID 8
#define NHI_SNAPSHOT_AT_INDEX 12
#define NHI_SNAPSHOT_AT_LEN 16         /* 16 bits: of the record with its sum, without the zeros */
#define NHI_SNAPSHOT_AT_GROUP_COUNT 18 /* 16 bits */
#define NHI_SNAPSHOT_AT_TEXT_LENS 20   /* 16 bits each, with the NUL */
#define NHI_SNAPSHOT_FIXED_LEN 28
#define NHI_SNAPSHOT_SUM_LEN 8

/* The tail: two tables of slots, then room for entries. A slot: tag, 16 bits of reference, 16 bits of check. */
#define NHI_SNAPSHOT_TAIL_SLOTS 512 /* of each table */
#define NHI_SNAPSHOT_TAIL_MOST (NHI_SNAPSHOT_TAIL_SLOTS / 2)
#define NHI_SNAPSHOT_TAIL_AT_UIDS (NHI_SNAPSHOT_TAIL_SLOTS * NHI_SNAPSHOT_SLOT_LEN)
#define NHI_SNAPSHOT_TAIL_AT_ENTRIES (2 * NHI_SNAPSHOT_TAIL_AT_UIDS)
#define NHI_SNAPSHOT_TAIL_LEN (NHI_SNAPSHOT_TAIL_AT_ENTRIES + 32768)
#define NHI_SNAPSHOT_TAIL_SHARE 8 /* a file has one if it is as many times longer without it */

/* An entry: stamp, record. */
#define NHI_SNAPSHOT_ENTRY_AT_RECORD 8

#define NHI_SNAPSHOT_LONGEST \
    (NHI_SNAPSHOT_FIXED_LEN + 4 * NHI_GROUPS_MAX + NHI_AGENT_MAX + NHI_TEXT_MAX + 2 * NHI_PATH_MAX + 4)

_Static_assert(NHI_SNAPSHOT_RECORD_MAX - NHI_SNAPSHOT_LONGEST < NHI_SNAPSHOT_ALIGN, "room for the longest record");
_Static_assert(NHI_SNAPSHOT_RECORD_MAX % NHI_SNAPSHOT_ALIGN == 0, "and for the zeros after it");
_Static_assert(NHI_SNAPSHOT_RECORD_MAX <= UINT16_MAX, "its length has 16 bits");

static inline uint32_t nhi_snapshot_get16(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static inline uint32_t nhi_snapshot_get32(const unsigned char *at)
{
    uint32_t n;

    memcpy(&n, at, sizeof(n));
    return le32toh(n);
}

static inline uint64_t nhi_snapshot_get64(const unsigned char *at)
{
    uint64_t n;

    memcpy(&n, at, sizeof(n));
    return le64toh(n);
}

static inline void nhi_snapshot_put(unsigned char *at, uint64_t n, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(n >> 8 * i);
}

static inline size_t nhi_snapshot_align(size_t n)
{
    return (n + NHI_SNAPSHOT_ALIGN - 1) / NHI_SNAPSHOT_ALIGN * NHI_SNAPSHOT_ALIGN;
}

/* Each step is a bijection of the sum and of the word, so the change of one word is not lost later. The multiplier is
 * the golden ratio in 64 bits, an odd number. */
static inline uint64_t nhi_snapshot_step(uint64_t sum, uint64_t word)
{
    return ((sum << 29 | sum >> 35) ^ word) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Of any bytes. One that differs in a single word of eight bytes always has another sum. Here, since a look-up spends
 * much of its time in it. */
static inline uint64_t nhi_snapshot_sum(const unsigned char *bytes, size_t len)
{
    uint64_t even = len + 1, odd = 0, last = 0; /* what is all zero has no sum of zero */

    /* Two at a time, since a processor can take the two steps at once. */
    for (; len >= 16; bytes += 16, len -= 16) {
        even = nhi_snapshot_step(even, nhi_snapshot_get64(bytes));
        odd = nhi_snapshot_step(odd, nhi_snapshot_get64(bytes + 8));
    }
    if (len >= 8) {
        even = nhi_snapshot_step(even, nhi_snapshot_get64(bytes));
        bytes += 8;
        len -= 8;
    }
    for (size_t i = 0; i < len; i++)
        last |= (uint64_t)bytes[i] << 8 * i;
    even = nhi_snapshot_step(even, len > 0 ? nhi_snapshot_step(odd, last) : odd);
    return even ^ even >> 32;
}

/* Where an account is looked for in one of the tables: the tag of its slot, and the first bucket. */
struct nhi_snapshot_place {
    uint32_t tag, bucket;
};

/* hash: the sum of a name. */
static inline struct nhi_snapshot_place nhi_snapshot_place_hash(uint64_t hash, uint32_t buckets)
{
    const struct nhi_snapshot_place p = { (uint32_t)hash, (uint32_t)((hash >> 32) * buckets >> 32) };

    return p;
}

static inline struct nhi_snapshot_place nhi_snapshot_place_name(const char *name, size_t len, uint32_t buckets)
{
    return nhi_snapshot_place_hash(nhi_snapshot_sum((const unsigned char *)name, len), buckets);
}

static inline struct nhi_snapshot_place nhi_snapshot_place_uid(uint32_t uid, uint32_t buckets)
{
    const uint64_t hash = nhi_snapshot_step(0, uid);
    const struct nhi_snapshot_place p = { uid, (uint32_t)((hash >> 32) * buckets >> 32) };

    return p;
}

/* The first slot of the tail for a tag. */
static inline uint32_t nhi_snapshot_tail_place(uint32_t tag)
{
    return (uint32_t)(nhi_snapshot_step(0, tag) >> 32) % NHI_SNAPSHOT_TAIL_SLOTS;
}

/* A slot of the tail as one number, which is stored at once. ref: of an entry, in units from the first, counted from 1:
 * so no slot in use is 0. */
static inline uint64_t nhi_snapshot_tail_slot(uint32_t tag, uint32_t ref)
{
    const uint64_t low = (uint64_t)ref << 32 | tag;

    return low | (nhi_snapshot_step(low, 0) >> 48) << 48;
}

#endif
