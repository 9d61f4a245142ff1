/* SPDX-License-Identifier: ISC */
/*
 * The snapshot file, for its reader and its writer alone. Format 2: the page PROTOCOL beside this file.
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
#define NHI_SNAPSHOT_VERSION 2

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
#define NHI_SNAPSHOT_AT_HEADER_SUM 56

/* A bucket of a table: slots, then the sum. A slot: tag, reference. */
#define NHI_SNAPSHOT_BUCKET_LEN 64
#define NHI_SNAPSHOT_SLOTS 7
#define NHI_SNAPSHOT_SLOT_LEN 8
#define NHI_SNAPSHOT_AT_BUCKET_SUM (NHI_SNAPSHOT_SLOTS * NHI_SNAPSHOT_SLOT_LEN)
#define NHI_SNAPSHOT_PER_BUCKET 4 /* accounts, on average, at most */

/* The index: one reference for each account, in ascending order of uid. */
#define NHI_SNAPSHOT_REF_LEN 4

/* A record: the sum first, then fixed numbers, gids, texts. */
#define NHI_SNAPSHOT_ALIGN 8 /* of each record; a reference is an offset in these units */
#define NHI_SNAPSHOT_AT_UID 8
#define NHI_SNAPSHOT_AT_INDEX 12
#define NHI_SNAPSHOT_AT_LEN 16         /* 16 bits: of the record with its sum */
#define NHI_SNAPSHOT_AT_GROUP_COUNT 18 /* 16 bits */
#define NHI_SNAPSHOT_FIXED_LEN 20
#define NHI_SNAPSHOT_SUM_LEN 8

_Static_assert(NHI_SNAPSHOT_RECORD_MAX ==
                   NHI_SNAPSHOT_FIXED_LEN + 4 * NHI_GROUPS_MAX + NHI_AGENT_MAX + NHI_TEXT_MAX + 2 * NHI_PATH_MAX + 4,
               "room for the longest record");
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

/* Of any bytes. One that differs in a single word of eight bytes always has another sum. */
uint64_t nhi_snapshot_sum(const unsigned char *bytes, size_t len);

/* Where an account is looked for in one of the tables: the tag of its slot, and the first bucket. */
struct nhi_snapshot_place {
    uint32_t tag, bucket;
};
struct nhi_snapshot_place nhi_snapshot_place_name(const char *name, uint32_t buckets);
struct nhi_snapshot_place nhi_snapshot_place_uid(uint32_t uid, uint32_t buckets);

#endif
