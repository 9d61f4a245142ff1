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

enum nhi_err nhi_sshkey_read(const char *base64, size_t len, uint8_t pk[NHI_PK_LEN])
{
    uint8_t blob[BLOB_LEN];
    uint32_t bits = 0;
    int d;

    if (len != NHI_SSHKEY_LEN)
        return NHI_ERR_FORMAT;
    for (size_t i = 0; i < len; i++) {
        d = digit(base64[i]);
        if (d < 0)
            return NHI_ERR_FORMAT;
        bits = bits << 6 | (uint32_t)d;
        if (i % 4 == 3) {
            blob[i / 4 * 3] = (uint8_t)(bits >> 16);
            blob[i / 4 * 3 + 1] = (uint8_t)(bits >> 8);
            blob[i / 4 * 3 + 2] = (uint8_t)bits;
        }
    }
    if (memcmp(blob, nhi_sshkey_prefix, NHI_SSHKEY_PREFIX_LEN) != 0)
        return NHI_ERR_FORMAT;
    memcpy(pk, blob + NHI_SSHKEY_PREFIX_LEN, NHI_PK_LEN);
    return NHI_OK;
}
