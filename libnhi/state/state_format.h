/* SPDX-License-Identifier: ISC */
/*
 * The bytes of the published state, for its reader and its writer only. PROTOCOL describes them.
 *
 * Two files. NHI_STATE_FILE in /run/nhi has the head, and a tail of changes that is allocated when the file is made.
 * The head names the base, a table that never changes, in the same directory or, if it is large, in the state
 * directory.
 */
#ifndef NHI_STATE_FORMAT_H
#define NHI_STATE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/hash.h"
#include "libnhi/state/source.h"

#define NHI_STATE_LOCK "state.lock"   /* 0600: writers take turns */
#define NHI_STATE_BASE "state-1-base" /* then a dot and the base's number, in 16 hexadecimal digits; 0600 */
#define STATE_BASE_NAME_MAX (sizeof(NHI_STATE_BASE) + 17)

#define STATE_MAGIC "nhi-state-v1\0\0\0" /* 16 bytes with the last NUL */
#define STATE_HEAD_SIZE 512
#define STATE_TAIL_SIZE 65536
#define STATE_FILE_SIZE (STATE_HEAD_SIZE + STATE_TAIL_SIZE)
#define STATE_PAGE_SIZE 4096

/* sum covers everything after it. */
struct state_head {
    char magic[16];
    uint64_t sum;
    uint64_t seed;       /* of hashes */
    uint64_t init_start; /* start time of process 1, in clock ticks: a container has the boot ID of its host */
    int64_t generation;  /* of the ledger, at which the base was made */
    uint64_t base;       /* its number; its pages are sealed with it */
    uint64_t base_size;
    uint32_t pages;      /* of the base: those that a hash leads to */
    uint32_t in_run;     /* 1: the base lies beside this file; 0: in the state directory */
    char boot[40];       /* with NULs up to the end */
    char machine[80];    /* the same; empty: no identity */
    uint64_t whole_size; /* of the last base that was made from the ledger */
    uint8_t rest[STATE_HEAD_SIZE - 200];
};

enum {
    STATE_HELD = 1, /* what this key leads to is being changed: it denies */
    STATE_DONE = 2, /* everything up to this generation of the ledger is here; the value is the latest time */
};
#define STATE_COMMITTED 0x4e48494fu

/* One change, at a multiple of 8 bytes; the key follows, then the value. committed is written last: without it, the
 * record does not exist yet. sum covers everything after it. */
struct state_record {
    uint32_t committed;
    uint32_t hash;
    uint64_t sum;
    int64_t generation; /* of the ledger, once it has this */
    uint16_t value_len;
    uint8_t key_len, kind;
    uint8_t flags;
    uint8_t zero[3];
};
#define STATE_RECORD_SIZE(key, value) ((sizeof(struct state_record) + (size_t)(key) + (size_t)(value) + 7) & ~(size_t)7)

/* A page of the base: this, then entries. sum covers the rest of the page, and is seeded with the base's number and
 * that of the page. */
struct state_page {
    uint64_t sum;
    uint32_t next; /* the page that continues this one; 0: none */
    uint16_t used; /* bytes, with these */
    uint16_t zero;
};
/* The key follows, then the value. far: the value is not here but at the end of the file; here is a struct state_far.
 */
struct state_entry {
    uint32_t hash;
    uint16_t value_len;
    uint8_t key_len, kind;
    uint8_t far;
    uint8_t zero[3];
};
struct state_far {
    uint64_t sum, at;
};

uint32_t state_hash(uint64_t seed, const struct nhi_fact_key *key);
/* Notices damage; it is no defence against anybody. */
uint64_t state_sum(uint64_t seed, const void *data, size_t len);
uint64_t state_head_sum(const struct state_head *h);
uint64_t state_record_sum(const struct state_record *r, const void *rest, size_t len);
uint64_t state_page_sum(uint64_t base, uint32_t number, const void *page);
/* out: at least STATE_BASE_NAME_MAX bytes. */
void state_base_name(uint64_t base, char *out);

#endif
