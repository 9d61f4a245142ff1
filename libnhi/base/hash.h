/* SPDX-License-Identifier: ISC */
/*
 * Hashes, and IDs that nobody can guess.
 */
#ifndef NHI_HASH_H
#define NHI_HASH_H

#include <stddef.h>

#include "libnhi/base/err.h"
#include "libnhi/base/names.h"

/* A new ticket or record ID: 128 random bits. It never begins with "-". */
NHI_CHECK enum nhi_err nhi_id_new(char id[NHI_JTI_LEN + 1]);

/* A hash of bytes that are added one piece after another, as 32 hexadecimal characters (BLAKE2b of 128 bits). */
#define NHI_HASH_LEN 32
struct nhi_hash {
    _Alignas(64) unsigned char state[384];
};
void nhi_hash_start(struct nhi_hash *h);
void nhi_hash_add(struct nhi_hash *h, const char *text);
void nhi_hash_end(struct nhi_hash *h, char out[NHI_HASH_LEN + 1]);

/* BLAKE2b of 256 bits, as 64 hexadecimal characters: what b2sum -l 256 prints. */
#define NHI_DIGEST_LEN 64
struct nhi_hash256 {
    struct nhi_hash h;
};
void nhi_hash256_start(struct nhi_hash256 *h);
void nhi_hash256_add(struct nhi_hash256 *h, const void *bytes, size_t len);
void nhi_hash256_end(struct nhi_hash256 *h, char out[NHI_DIGEST_LEN + 1]);

#endif
