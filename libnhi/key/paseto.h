/* SPDX-License-Identifier: ISC */
/*
 * PASETO v4.public (Ed25519), whole tokens only.
 *
 * Source: https://github.com/paseto-standard/paseto-spec, docs/01-Protocol-Versions/Version4.md and
 * docs/01-Protocol-Versions/Common.md (PAE). Base64url without padding, canonical: non-zero
 * trailing bits, padding, whitespace and a trailing dot are refused.
 */
#ifndef NHI_PASETO_H
#define NHI_PASETO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"
#include "libnhi/base/wipe.h"

#define NHI_PK_LEN 32 /* Ed25519 public key */
#define NHI_SK_LEN \
    64 /* Ed25519 seed followed by its public key, as libsodium and PASERK have it \
        */

/* Longest message, footer or implicit assertion, in bytes: far more than a ticket needs, and small
 * enough that no sum of lengths can overflow. */
#define NHI_PASETO_PIECE_MAX ((size_t)1 << 20)

/* Bytes that belong to the owner of the struct; release with nhi_bytes_free, which wipes them. data is followed by a
 * NUL that len does not count. */
struct nhi_bytes {
    uint8_t *data;
    size_t len;
};
void nhi_bytes_free(struct nhi_bytes *b);

/* Bytes that belong to somebody else. data may be NULL where len is 0. */
struct nhi_piece {
    const void *data;
    size_t len;
};
static inline struct nhi_piece nhi_piece(const void *data, size_t len)
{
    return (struct nhi_piece){ data, len };
}

/* Signs. token is a new NUL-terminated string; the caller wipes and frees it (nhi_text_free).
 * NHI_ERR_TOO_LONG: a piece over NHI_PASETO_PIECE_MAX. */
NHI_CHECK enum nhi_err nhi_paseto_sign(const uint8_t sk[NHI_SK_LEN], struct nhi_piece msg, struct nhi_piece footer,
                                       struct nhi_piece implicit, char **token);

/* The same with a function that signs. sign: returns 0 and the Ed25519 signature of those bytes; any other value is
 * NHI_ERR_SIGNATURE. */
#define NHI_SIG_LEN 64
struct nhi_signing {
    int (*sign)(void *ctx, const uint8_t *bytes, size_t len, uint8_t signature[NHI_SIG_LEN]);
    void *ctx;
};
/* Signs with a secret key in memory. ctx: struct nhi_secret. */
struct nhi_secret {
    const uint8_t *sk; /* NHI_SK_LEN bytes */
};
int nhi_secret_sign(void *ctx, const uint8_t *bytes, size_t len, uint8_t signature[NHI_SIG_LEN]);
NHI_CHECK enum nhi_err nhi_paseto_sign_by(const struct nhi_signing *by, struct nhi_piece msg, struct nhi_piece footer,
                                          struct nhi_piece implicit, char **token);

/* Takes the footer out of a token, without any check that it is genuine. An absent footer is empty. NHI_ERR_FORMAT: not
 * the form of a v4.public token. */
NHI_CHECK enum nhi_err nhi_paseto_footer(const char *token, size_t len, struct nhi_bytes *footer);

/* Verifies the signature over header, message, footer and implicit assertion, then returns the message. NHI_ERR_FORMAT,
 * NHI_ERR_SIGNATURE, NHI_ERR_TOO_LONG, NHI_ERR_NOMEM; NHI_ERR_SYS when libsodium cannot start. */
NHI_CHECK enum nhi_err nhi_paseto_verify(const uint8_t pk[NHI_PK_LEN], const char *token, size_t len,
                                         struct nhi_piece implicit, struct nhi_bytes *msg);

/* Base64url without padding. encode writes NHI_B64_LEN(len) characters and a NUL. decode accepts
 * the canonical form of exactly len bytes and nothing else: NHI_ERR_FORMAT. */
#define NHI_B64_LEN(n) (((n) / 3) * 4 + ((n) % 3 != 0 ? (n) % 3 + 1 : 0))
void nhi_b64_encode(const uint8_t *bytes, size_t len, char *text);
NHI_CHECK enum nhi_err nhi_b64_decode(const char *text, size_t text_len, uint8_t *bytes, size_t len);

/* Whether pk is a point with a possible secret key: canonical, on the curve, in the main subgroup. */
bool nhi_pk_is_usable(const uint8_t pk[NHI_PK_LEN]);

#endif
