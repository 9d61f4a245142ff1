/* SPDX-License-Identifier: ISC */
/*
 * MUST: a secret key whose halves differ is neither read nor written.
 * MUST: buffers that held a secret key are wiped on every path.
 */
#include "libnhi/key/paserk.h"

#include <sodium.h>
#include <string.h>

#define PUBLIC "k4.public."
#define SECRET "k4.secret."
#define PID "k4.pid."
#define PID_LEN 33 /* 264 bits, so that its base64url fills whole characters */

_Static_assert(sizeof(SECRET) + NHI_B64_LEN(NHI_SK_LEN) <= NHI_PASERK_MAX, "text fits");

static void encode(const char *header, const uint8_t *bytes, size_t len, char *text)
{
    size_t header_len = strlen(header);

    memcpy(text, header, header_len);
    nhi_b64_encode(bytes, len, text + header_len);
}

static enum nhi_err decode(const char *header, const char *text, uint8_t *bytes, size_t len)
{
    size_t header_len = strlen(header), text_len = strnlen(text, NHI_PASERK_MAX);

    if (text_len < header_len || memcmp(text, header, header_len) != 0)
        return NHI_ERR_FORMAT;
    return nhi_b64_decode(text + header_len, text_len - header_len, bytes, len);
}

bool nhi_sk_is_whole(const uint8_t sk[NHI_SK_LEN])
{
    uint8_t pk[NHI_PK_LEN], again[NHI_SK_LEN];
    bool whole = false;

    if (sodium_init() < 0 || crypto_sign_seed_keypair(pk, again, sk) != 0)
        goto out;
    whole = sodium_memcmp(again, sk, NHI_SK_LEN) == 0;
out:
    sodium_memzero(again, sizeof(again));
    return whole;
}

enum nhi_err nhi_paserk_public_encode(const uint8_t pk[NHI_PK_LEN], char *text)
{
    encode(PUBLIC, pk, NHI_PK_LEN, text);
    return NHI_OK;
}

enum nhi_err nhi_paserk_public_decode(const char *text, uint8_t pk[NHI_PK_LEN])
{
    return decode(PUBLIC, text, pk, NHI_PK_LEN);
}

enum nhi_err nhi_paserk_secret_encode(const uint8_t sk[NHI_SK_LEN], char *text)
{
    if (!nhi_sk_is_whole(sk))
        return NHI_ERR_FORMAT;
    encode(SECRET, sk, NHI_SK_LEN, text);
    return NHI_OK;
}

enum nhi_err nhi_paserk_secret_decode(const char *text, uint8_t sk[NHI_SK_LEN])
{
    uint8_t key[NHI_SK_LEN];
    enum nhi_err err = decode(SECRET, text, key, sizeof(key));

    if (err != NHI_OK)
        goto out;
    err = NHI_ERR_FORMAT;
    if (!nhi_sk_is_whole(key))
        goto out;
    memcpy(sk, key, sizeof(key));
    err = NHI_OK;
out:
    sodium_memzero(key, sizeof(key));
    return err;
}

enum nhi_err nhi_paserk_pid(const uint8_t pk[NHI_PK_LEN], char *text)
{
    char hashed[sizeof(PID) + NHI_PASERK_MAX] = PID;
    uint8_t id[PID_LEN];

    if (sodium_init() < 0)
        return NHI_ERR_SYS;
    encode(PUBLIC, pk, NHI_PK_LEN, hashed + sizeof(PID) - 1);
    if (crypto_generichash(id, sizeof(id), (const uint8_t *)hashed, strlen(hashed), NULL, 0) != 0)
        return NHI_ERR_SYS;
    encode(PID, id, sizeof(id), text);
    return NHI_OK;
}

enum nhi_err nhi_key_generate(uint8_t pk[NHI_PK_LEN], uint8_t sk[NHI_SK_LEN])
{
    if (sodium_init() < 0 || crypto_sign_keypair(pk, sk) != 0)
        return NHI_ERR_SYS;
    return NHI_OK;
}

void nhi_keep(void *p, size_t len)
{
    if (sodium_init() >= 0)
        (void)!sodium_mlock(p, len);
}

void nhi_wipe(void *p, size_t len)
{
    if (p != NULL)
        sodium_memzero(p, len);
}
