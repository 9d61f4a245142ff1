/* SPDX-License-Identifier: ISC */
#include "libnhi/key/sshkey.h"

#include <sodium.h>
#include <string.h>

#define BLOB_MAX 6144 /* of a key of any type: RSA of 16384 bits has 2,080 bytes */
#define HEAD_MAX 300  /* bytes of a private key that surely include its public half */
#define KEY_AT NHI_SSHKEY_PREFIX_LEN
#define BLOB_LEN (KEY_AT + NHI_PK_LEN)

_Static_assert(sodium_base64_ENCODED_LEN(BLOB_LEN, sodium_base64_VARIANT_ORIGINAL) == NHI_SSHKEY_LEN + 1, "no padding");

enum nhi_err nhi_sshkey_decode(const char *base64, size_t len, uint8_t pk[NHI_PK_LEN])
{
    uint8_t key[NHI_PK_LEN];
    enum nhi_err err = nhi_sshkey_read(base64, len, key);

    if (err == NHI_OK && !nhi_pk_is_usable(key))
        err = NHI_ERR_FORMAT;
    if (err == NHI_OK)
        memcpy(pk, key, sizeof(key));
    return err;
}

void nhi_sshkey_encode(const uint8_t pk[NHI_PK_LEN], char base64[NHI_SSHKEY_LEN + 1])
{
    uint8_t blob[BLOB_LEN];

    memcpy(blob, nhi_sshkey_prefix, KEY_AT);
    memcpy(blob + KEY_AT, pk, NHI_PK_LEN);
    (void)sodium_bin2base64(base64, NHI_SSHKEY_LEN + 1, blob, sizeof(blob), sodium_base64_VARIANT_ORIGINAL);
}

enum nhi_err nhi_sshkey_parse(const char *line, uint8_t pk[NHI_PK_LEN])
{
    size_t type = strcspn(line, " \t\r\n"), at = type + strspn(line + type, " \t");

    if (type != strlen(NHI_SSHKEY_TYPE) || memcmp(line, NHI_SSHKEY_TYPE, type) != 0)
        return strncmp(line, "ssh-", 4) == 0 || strncmp(line, "ecdsa-", 6) == 0 || strncmp(line, "sk-", 3) == 0
                   ? NHI_ERR_STATE
                   : NHI_ERR_FORMAT;
    return nhi_sshkey_decode(line + at, strcspn(line + at, " \t\r\n"), pk);
}

enum nhi_err nhi_sshkey_print(const char *base64, size_t len, char print[NHI_SSHKEY_PRINT_LEN + 1])
{
    uint8_t blob[BLOB_MAX], hash[crypto_hash_sha256_BYTES];
    size_t n = 0;

    if (len > BLOB_MAX / 3 * 4 ||
        sodium_base642bin(blob, sizeof(blob), base64, len, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        n < 8)
        return NHI_ERR_FORMAT;
    (void)crypto_hash_sha256(hash, blob, n);
    memcpy(print, "SHA256:", 7);
    (void)sodium_bin2base64(print + 7, NHI_SSHKEY_PRINT_LEN + 1 - 7, hash, sizeof(hash),
                            sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    return NHI_OK;
}

/* The public half is not encrypted. It is a string with the length of the blob, after the names of what encrypts the
 * private half. */
enum nhi_err nhi_sshkey_of_private(const char *base64, size_t len, uint8_t pk[NHI_PK_LEN])
{
    static const char magic[] = "openssh-key-v1";
    uint8_t head[HEAD_MAX], string[4 + KEY_AT] = { 0, 0, 0, BLOB_LEN };
    size_t text = len < HEAD_MAX / 3 * 4 ? len / 4 * 4 : HEAD_MAX / 3 * 4, n = 0;
    enum nhi_err err = NHI_ERR_FORMAT;
    const uint8_t *at = NULL;

    memcpy(string + 4, nhi_sshkey_prefix, KEY_AT);
    if (sodium_base642bin(head, sizeof(head), base64, text, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
        n > sizeof(magic) && memcmp(head, magic, sizeof(magic)) == 0)
        at = memmem(head, n, string, sizeof(string));
    if (at != NULL && (size_t)(head + n - at) >= sizeof(string) + NHI_PK_LEN && nhi_pk_is_usable(at + sizeof(string))) {
        memcpy(pk, at + sizeof(string), NHI_PK_LEN);
        err = NHI_OK;
    }
    sodium_memzero(head, sizeof(head));
    return err;
}
