/*
 * What the tests of tickets and keys share: vector files, hexadecimal, and the key of golden.json.
 *
 * Published vectors are in ../shared/vectors, or where NHI_VECTORS points; ours are in tests/vectors, or where
 * NHI_OWN_VECTORS points. A published file that is missing is a skip; one of ours is a failure.
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <sodium.h>

#include "libnhi/key/paserk.h"
#include "libnhi/key/paseto.h"
#include "libnhi/ticket/ticket.h"

static inline json_t *vectors_read(const char *dir, const char *name)
{
    json_error_t why;
    char path[4096];
    json_t *all;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    all = json_load_file(path, JSON_ALLOW_NUL, &why);
    if (all == NULL)
        fail_msg("%s:%d: %s", path, why.line, why.text);
    return all;
}

static inline const char *vectors_dir(void)
{
    const char *dir = getenv("NHI_VECTORS");

    return dir != NULL ? dir : "../shared/vectors";
}

/* Whether a published file exists. If not, prints a TAP plan without tests: what cmocka prints for a skipped test is a
 * failure for prove. */
static inline bool vectors_present(const char *name)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", vectors_dir(), name);
    if (access(path, R_OK) == 0)
        return true;
    printf("1..0 # SKIP no %s (NHI_VECTORS names the directory)\n", path);
    return false;
}

static inline json_t *vectors_shared(const char *name)
{
    return vectors_read(vectors_dir(), name);
}

static inline json_t *vectors_own(const char *name)
{
    const char *dir = getenv("NHI_OWN_VECTORS");

    return vectors_read(dir != NULL ? dir : "tests/vectors", name);
}

/* The member's text; "" when it is absent or null. */
static inline const char *text_of(const json_t *v, const char *member)
{
    const char *s = json_string_value(json_object_get(v, member));

    return s != NULL ? s : "";
}

static inline size_t unhex(const char *hex, uint8_t *out, size_t max)
{
    size_t len = 0;

    if (sodium_hex2bin(out, max, hex, strlen(hex), NULL, &len, NULL) != 0)
        fail_msg("not hexadecimal, or longer than %zu bytes: %s", max, hex);
    return len;
}

/* header and the base64url of key, whatever its length: the text of a key of the wrong kind. */
static inline void text_around(const char *header, const uint8_t *key, size_t len, char *text)
{
    size_t n = strlen(header);

    memcpy(text, header, n);
    nhi_b64_encode(key, len, text + n);
}

/* The key that golden.json was made with: seed 0x40, 0x41 … 0x5f. */
static inline void golden_key(uint8_t pk[NHI_PK_LEN], uint8_t sk[NHI_SK_LEN])
{
    uint8_t seed[crypto_sign_SEEDBYTES];
    size_t i;

    for (i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)(0x40 + i);
    assert_int_equal(crypto_sign_seed_keypair(pk, sk, seed), 0);
}

/* A token of the right form for any payload, so that only the claims can be wrong. */
static inline char *signed_payload(const void *payload, size_t len)
{
    const char *footer = "{\"kid\":\"main\"}", *implicit = "nhi-ticket-v1";
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
    char *token = NULL;

    golden_key(pk, sk);
    assert_int_equal(nhi_paseto_sign(sk, nhi_piece(payload, len), nhi_piece(footer, strlen(footer)),
                                     nhi_piece(implicit, strlen(implicit)), &token),
                     NHI_OK);
    return token;
}

#endif
