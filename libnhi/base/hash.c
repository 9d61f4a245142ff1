/* SPDX-License-Identifier: ISC */
#include "libnhi/base/hash.h"

#include <sodium.h>
#include <string.h>

enum nhi_err nhi_id_new(char id[NHI_JTI_LEN + 1])
{
    uint8_t bits[16];

    if (sodium_init() < 0)
        return NHI_ERR_SYS;
    /* One in 64 would begin with "-" and look like an option on a command line. */
    do {
        randombytes_buf(bits, sizeof(bits));
        (void)sodium_bin2base64(id, NHI_JTI_LEN + 1, bits, sizeof(bits), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    } while (id[0] == '-');
    return NHI_OK;
}

_Static_assert(sizeof(struct nhi_hash) >= sizeof(crypto_generichash_state), "room for the state");

static crypto_generichash_state *state_of(struct nhi_hash *h)
{
    return (crypto_generichash_state *)(void *)h->state;
}

void nhi_hash_start(struct nhi_hash *h)
{
    (void)crypto_generichash_init(state_of(h), NULL, 0, NHI_HASH_LEN / 2);
}

/* The NUL is included, so that the hash covers where each text ends. */
void nhi_hash_add(struct nhi_hash *h, const char *text)
{
    (void)crypto_generichash_update(state_of(h), (const unsigned char *)text, strlen(text) + 1);
}

void nhi_hash_end(struct nhi_hash *h, char out[NHI_HASH_LEN + 1])
{
    unsigned char bytes[NHI_HASH_LEN / 2];

    (void)crypto_generichash_final(state_of(h), bytes, sizeof(bytes));
    (void)sodium_bin2hex(out, NHI_HASH_LEN + 1, bytes, sizeof(bytes));
}

void nhi_hash256_start(struct nhi_hash256 *h)
{
    (void)crypto_generichash_init(state_of(&h->h), NULL, 0, NHI_DIGEST_LEN / 2);
}

void nhi_hash256_add(struct nhi_hash256 *h, const void *bytes, size_t len)
{
    (void)crypto_generichash_update(state_of(&h->h), bytes, len);
}

void nhi_hash256_end(struct nhi_hash256 *h, char out[NHI_DIGEST_LEN + 1])
{
    unsigned char bytes[NHI_DIGEST_LEN / 2];

    (void)crypto_generichash_final(state_of(&h->h), bytes, sizeof(bytes));
    (void)sodium_bin2hex(out, NHI_DIGEST_LEN + 1, bytes, sizeof(bytes));
}
