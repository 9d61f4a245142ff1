/* SPDX-License-Identifier: ISC */
#include "libnhi/key/sshkey_read.h"

#include <string.h>

#define BLOB_LEN (NHI_SSHKEY_PREFIX_LEN + NHI_PK_LEN)
_Static_assert(BLOB_LEN % 3 == 0 && BLOB_LEN / 3 * 4 == NHI_SSHKEY_LEN, "no padding");

const uint8_t nhi_sshkey_prefix[NHI_SSHKEY_PREFIX_LEN] = { 0,   0,   0,   11,  's', 's', 'h', '-', 'e',       'd',
                                                           '2', '5', '5', '1', '9', 0,   0,   0,   NHI_PK_LEN };

/* -1: no digit of base64. A public key is no secret: the time may depend on it. */
static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* Groups of four digits that become three bytes. */
static enum nhi_err decode(const char *base64, size_t groups, uint8_t *out)
{
    uint32_t bits = 0;
    int d;

    for (size_t i = 0; i < groups * 4; i++) {
        d = digit(base64[i]);
        if (d < 0)
            return NHI_ERR_FORMAT;
        bits = bits << 6 | (uint32_t)d;
        if (i % 4 == 3) {
            out[i / 4 * 3] = (uint8_t)(bits >> 16);
            out[i / 4 * 3 + 1] = (uint8_t)(bits >> 8);
            out[i / 4 * 3 + 2] = (uint8_t)bits;
        }
    }
    return NHI_OK;
}

enum nhi_err nhi_sshkey_read(const char *base64, size_t len, uint8_t pk[NHI_PK_LEN])
{
    uint8_t blob[BLOB_LEN];

    if (len != NHI_SSHKEY_LEN || decode(base64, len / 4, blob) != NHI_OK ||
        memcmp(blob, nhi_sshkey_prefix, NHI_SSHKEY_PREFIX_LEN) != 0)
        return NHI_ERR_FORMAT;
    memcpy(pk, blob + NHI_SSHKEY_PREFIX_LEN, NHI_PK_LEN);
    return NHI_OK;
}

#define CERT_TYPE_LEN (sizeof(NHI_SSHCERT_TYPE) - 1)
#define NONCE_AT (4 + CERT_TYPE_LEN)
#define HEAD_GROUPS ((NONCE_AT + 4 + 2) / 3)
#define FIELD_LEN (4 + NHI_PK_LEN) /* the key with its length */
#define FIELD_GROUPS (FIELD_LEN / 3 + 2)

static uint32_t length_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Type, nonce and key come first, each with its length; the nonce may have any. */
enum nhi_err nhi_sshcert_read_key(const char *base64, size_t len, uint8_t pk[NHI_PK_LEN])
{
    uint8_t head[HEAD_GROUPS * 3] = { 0 }, field[FIELD_GROUPS * 3] = { 0 };
    size_t at, groups;

    if (len < HEAD_GROUPS * 4 || decode(base64, HEAD_GROUPS, head) != NHI_OK || length_at(head) != CERT_TYPE_LEN ||
        memcmp(head + 4, NHI_SSHCERT_TYPE, CERT_TYPE_LEN) != 0 || length_at(head + NONCE_AT) > len)
        return NHI_ERR_FORMAT;
    at = NONCE_AT + 4 + length_at(head + NONCE_AT);
    groups = (at % 3 + FIELD_LEN + 2) / 3;
    if (at / 3 + groups > len / 4 || decode(base64 + at / 3 * 4, groups, field) != NHI_OK ||
        length_at(field + at % 3) != NHI_PK_LEN)
        return NHI_ERR_FORMAT;
    memcpy(pk, field + at % 3 + 4, NHI_PK_LEN);
    return NHI_OK;
}
