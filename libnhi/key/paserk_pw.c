/* SPDX-License-Identifier: ISC */
/*
 * k4.secret-pw. Source: https://github.com/paseto-standard/paserk, operations/PBKW.md, versions 2 and 4.
 *
 * MUST: the tag is checked before the key is decrypted.
 * MUST: the cost that the text demands of Argon2id is bounded before it runs: the text may come from anyone.
 * MUST: buffers that held a key or something derived from the password are wiped on every path.
 */
#include "libnhi/key/paserk_pw.h"

#include <sodium.h>
#include <string.h>

#define HEADER "k4.secret-pw."
#define HEADER_LEN (sizeof(HEADER) - 1)
#define KEY_LEN 32
#define TAG_LEN 32
#define MEM_MAX ((uint64_t)1 << 30)
#define OPS_MAX 16

/* Offsets in the decoded text. */
enum {
    AT_SALT = 0,
    AT_MEM = AT_SALT + crypto_pwhash_argon2id_SALTBYTES,
    AT_OPS = AT_MEM + 8,
    AT_PARA = AT_OPS + 4,
    AT_NONCE = AT_PARA + 4,
    AT_KEY = AT_NONCE + crypto_stream_xchacha20_NONCEBYTES,
    AT_TAG = AT_KEY + NHI_SK_LEN,
    TOTAL = AT_TAG + TAG_LEN
};

_Static_assert(sizeof(HEADER) + NHI_B64_LEN(TOTAL) <= NHI_PASERK_MAX, "text fits");

struct keys {
    uint8_t crypt[KEY_LEN];
    uint8_t auth[KEY_LEN];
};

static void put_be(uint8_t *at, size_t bytes, uint64_t n)
{
    while (bytes-- > 0) {
        at[bytes] = (uint8_t)n;
        n >>= 8;
    }
}

static uint64_t get_be(const uint8_t *at, size_t bytes)
{
    uint64_t n = 0;

    while (bytes-- > 0)
        n = n << 8 | *at++;
    return n;
}

static bool bounds_ok(uint64_t memlimit, uint64_t opslimit)
{
    return memlimit >= crypto_pwhash_argon2id_MEMLIMIT_MIN && memlimit <= MEM_MAX && opslimit >= 1 &&
           opslimit <= OPS_MAX;
}

/* The two keys that follow from a password with the salt, memlimit and opslimit in raw. */
static enum nhi_err derive(const uint8_t raw[TOTAL], struct nhi_piece password, struct keys *out)
{
    uint8_t tagged[1 + KEY_LEN];
    enum nhi_err err = NHI_ERR_NOMEM;

    /* With valid lengths and limits it can only fail for lack of memory. */
    if (crypto_pwhash_argon2id(tagged + 1, KEY_LEN, password.data, password.len, raw + AT_SALT, get_be(raw + AT_OPS, 4),
                               (size_t)get_be(raw + AT_MEM, 8), crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
        goto out;
    err = NHI_ERR_SYS;
    tagged[0] = 0xff;
    if (crypto_generichash(out->crypt, KEY_LEN, tagged, sizeof(tagged), NULL, 0) != 0)
        goto out;
    tagged[0] = 0xfe;
    if (crypto_generichash(out->auth, KEY_LEN, tagged, sizeof(tagged), NULL, 0) != 0)
        goto out;
    err = NHI_OK;
out:
    sodium_memzero(tagged, sizeof(tagged));
    return err;
}

static enum nhi_err tag_of(const uint8_t raw[TOTAL], const struct keys *keys, uint8_t tag[TAG_LEN])
{
    uint8_t authed[HEADER_LEN + AT_TAG];

    memcpy(authed, HEADER, HEADER_LEN);
    memcpy(authed + HEADER_LEN, raw, AT_TAG);
    if (crypto_generichash(tag, TAG_LEN, authed, sizeof(authed), keys->auth, KEY_LEN) != 0)
        return NHI_ERR_SYS;
    return NHI_OK;
}

enum nhi_err nhi_paserk_secret_pw_encode(const uint8_t sk[NHI_SK_LEN], struct nhi_piece password, uint64_t memlimit,
                                         uint32_t opslimit, char *text)
{
    enum nhi_err err = NHI_ERR_SYS;
    uint8_t raw[TOTAL];
    struct keys keys;

    if (sodium_init() < 0)
        goto out;
    err = NHI_ERR_ARG;
    if (!bounds_ok(memlimit, opslimit) || password.len > crypto_pwhash_argon2id_PASSWD_MAX)
        goto out;
    err = NHI_ERR_FORMAT;
    if (!nhi_sk_is_whole(sk))
        goto out;
    randombytes_buf(raw + AT_SALT, AT_MEM - AT_SALT);
    put_be(raw + AT_MEM, 8, memlimit);
    put_be(raw + AT_OPS, 4, opslimit);
    put_be(raw + AT_PARA, 4, 1);
    randombytes_buf(raw + AT_NONCE, AT_KEY - AT_NONCE);
    err = derive(raw, password, &keys);
    if (err != NHI_OK)
        goto out;
    crypto_stream_xchacha20_xor(raw + AT_KEY, sk, NHI_SK_LEN, raw + AT_NONCE, keys.crypt);
    err = tag_of(raw, &keys, raw + AT_TAG);
    if (err != NHI_OK)
        goto out;
    memcpy(text, HEADER, HEADER_LEN);
    nhi_b64_encode(raw, sizeof(raw), text + HEADER_LEN);
out:
    sodium_memzero(&keys, sizeof(keys));
    return err;
}

static enum nhi_err read_raw(const char *text, uint8_t raw[TOTAL])
{
    size_t len = strnlen(text, NHI_PASERK_MAX);
    enum nhi_err err;

    if (len < HEADER_LEN || memcmp(text, HEADER, HEADER_LEN) != 0)
        return NHI_ERR_FORMAT;
    err = nhi_b64_decode(text + HEADER_LEN, len - HEADER_LEN, raw, TOTAL);
    if (err != NHI_OK)
        return err;
    if (!bounds_ok(get_be(raw + AT_MEM, 8), get_be(raw + AT_OPS, 4)) || get_be(raw + AT_PARA, 4) != 1)
        return NHI_ERR_FORMAT;
    return NHI_OK;
}

enum nhi_err nhi_paserk_secret_pw_decode(const char *text, struct nhi_piece password, uint8_t sk[NHI_SK_LEN])
{
    enum nhi_err err = NHI_ERR_SYS;
    uint8_t raw[TOTAL], tag[TAG_LEN], key[NHI_SK_LEN];
    struct keys keys;

    if (sodium_init() < 0)
        goto out;
    err = NHI_ERR_ARG;
    if (password.len > crypto_pwhash_argon2id_PASSWD_MAX)
        goto out;
    err = read_raw(text, raw);
    if (err != NHI_OK)
        goto out;
    err = derive(raw, password, &keys);
    if (err != NHI_OK)
        goto out;
    err = tag_of(raw, &keys, tag);
    if (err != NHI_OK)
        goto out;
    err = NHI_ERR_SIGNATURE;
    if (sodium_memcmp(tag, raw + AT_TAG, TAG_LEN) != 0)
        goto out;
    crypto_stream_xchacha20_xor(key, raw + AT_KEY, NHI_SK_LEN, raw + AT_NONCE, keys.crypt);
    err = NHI_ERR_FORMAT;
    if (!nhi_sk_is_whole(key))
        goto out;
    memcpy(sk, key, sizeof(key));
    err = NHI_OK;
out:
    sodium_memzero(&keys, sizeof(keys));
    sodium_memzero(key, sizeof(key));
    return err;
}
