/* SPDX-License-Identifier: ISC */
/*
 * PASERK: keys as text.
 *
 * Source: https://github.com/paseto-standard/paserk, types k4.public, k4.secret, k4.pid and
 * k4.secret-pw.
 */
#ifndef NHI_PASERK_H
#define NHI_PASERK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"
#include "libnhi/key/paseto.h"

#define NHI_PASERK_MAX 256 /* buffer for any of the texts below, NUL included */

/* text: at least NHI_PASERK_MAX bytes. */
NHI_CHECK enum nhi_err nhi_paserk_public_encode(const uint8_t pk[NHI_PK_LEN], char *text);
NHI_CHECK enum nhi_err nhi_paserk_public_decode(const char *text, uint8_t pk[NHI_PK_LEN]);

/* Both check that the public half belongs to the seed: a key whose halves differ would sign
 * what nobody can verify, and leak its seed (NHI_ERR_FORMAT). */
NHI_CHECK enum nhi_err nhi_paserk_secret_encode(const uint8_t sk[NHI_SK_LEN], char *text);
NHI_CHECK enum nhi_err nhi_paserk_secret_decode(const char *text, uint8_t sk[NHI_SK_LEN]);

/* k4.pid: the fingerprint that people compare. */
NHI_CHECK enum nhi_err nhi_paserk_pid(const uint8_t pk[NHI_PK_LEN], char *text);

/* Whether the public half belongs to the seed. */
bool nhi_sk_is_whole(const uint8_t sk[NHI_SK_LEN]);

/* A new key pair. */
NHI_CHECK enum nhi_err nhi_key_generate(uint8_t pk[NHI_PK_LEN], uint8_t sk[NHI_SK_LEN]);

/* Keeps memory out of swap space from now on, where the limit on locked memory allows it. For secrets that are held for
 * longer than one use. */
void nhi_keep(void *p, size_t len);
/* Wipes len bytes in a way that the compiler must not optimise away. */
void nhi_wipe(void *p, size_t len);

#endif
