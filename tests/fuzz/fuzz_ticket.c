/* SPDX-License-Identifier: ISC */
/*
 * libFuzzer harness for the readers of tickets and keys. The first byte says which:
 *
 *   0  the rest as a ticket text, from outside: footer, key name, verification with a fixed key
 *   1  the rest as a payload, signed here: verify and decode must agree, and what they take must
 *      come back the same from encode and from mint
 *   2  the rest as PASERK text
 *   3  the rest as a time
 *
 * clang -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_ticket.c libnhi/….c -lsodium
 * -ljansson
 * Invariant: 8.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/key/paserk.h"
#include "libnhi/key/paseto.h"
#include "libnhi/ticket/claims.h"
#include "libnhi/ticket/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IMPLICIT "nhi-ticket-v1"
#define FOOTER "{\"kid\":\"main\"}"

/* A property that does not hold ends the run. */
#define MUST(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

/* The one of tests/vectors/golden.json, whose tickets are the seeds (make-corpus.sh). */
static void fixed_key(uint8_t pk[NHI_PK_LEN], uint8_t sk[NHI_SK_LEN])
{
    uint8_t seed[crypto_sign_SEEDBYTES];

    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)(0x40 + i);
    MUST(crypto_sign_seed_keypair(pk, sk, seed) == 0);
}

/* Field by field: padding must not be compared. */
static bool same(const struct nhi_ticket *a, const struct nhi_ticket *b)
{
    return strcmp(a->jti, b->jti) == 0 && strcmp(a->agent, b->agent) == 0 && strcmp(a->task, b->task) == 0 &&
           strcmp(a->host, b->host) == 0 && strcmp(a->accounts, b->accounts) == 0 &&
           strcmp(a->services, b->services) == 0 && strcmp(a->parent, b->parent) == 0 && a->iat == b->iat &&
           a->nbf == b->nbf && a->exp == b->exp && a->uses == b->uses && a->has_cnf == b->has_cnf &&
           memcmp(a->cnf, b->cnf, sizeof(a->cnf)) == 0;
}

static void read_text(const char *text, size_t len)
{
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
    struct nhi_bytes footer;
    char kid[NHI_KID_MAX + 1];
    struct nhi_ticket t;

    fixed_key(pk, sk);
    if (nhi_paseto_footer(text, len, &footer) == NHI_OK) {
        MUST(footer.data[footer.len] == '\0');
        nhi_bytes_free(&footer);
    }
    if (nhi_ticket_kid(text, len, kid) == NHI_OK)
        MUST(nhi_name_is_kid(kid));
    if (nhi_ticket_verify(text, len, pk, &t) == NHI_OK)
        MUST(strcmp(t.kid, kid) == 0);
}

static void check_round_trip(const struct nhi_ticket *t, const uint8_t pk[NHI_PK_LEN], const uint8_t sk[NHI_SK_LEN])
{
    char *json = NULL, *text = NULL;
    struct nhi_ticket again;
    enum nhi_err err = nhi_claims_encode(t, &json);

    MUST(err == NHI_OK);
    MUST(nhi_claims_decode(json, strlen(json), &again) == NHI_OK);
    MUST(same(t, &again));
    nhi_text_free(json);
    err = nhi_ticket_mint(t, sk, &text);
    MUST(err == NHI_OK || err == NHI_ERR_TOO_LONG);
    if (err != NHI_OK)
        return;
    MUST(nhi_ticket_verify(text, strlen(text), pk, &again) == NHI_OK);
    MUST(same(t, &again));
    nhi_text_free(text);
}

static void read_payload(const char *json, size_t len)
{
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
    enum nhi_err signed_err, err;
    struct nhi_ticket t, alone;
    char *text = NULL;

    fixed_key(pk, sk);
    MUST(nhi_paseto_sign(sk, nhi_piece(json, len), nhi_piece(FOOTER, sizeof(FOOTER) - 1),
                         nhi_piece(IMPLICIT, sizeof(IMPLICIT) - 1), &text) == NHI_OK);
    signed_err = nhi_ticket_verify(text, strlen(text), pk, &t);
    err = nhi_claims_decode(json, len, &alone);
    if (strlen(text) <= NHI_TICKET_READ_MAX)
        MUST(signed_err == err);
    else
        MUST(signed_err == NHI_ERR_TOO_LONG);
    nhi_text_free(text);
    if (signed_err == NHI_OK) {
        MUST(same(&t, &alone));
        check_round_trip(&t, pk, sk);
    }
}

static void read_keys(const char *text)
{
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
    char again[NHI_PASERK_MAX];

    if (nhi_paserk_public_decode(text, pk) == NHI_OK) {
        MUST(nhi_paserk_public_encode(pk, again) == NHI_OK);
        MUST(strcmp(text, again) == 0);
        MUST(nhi_paserk_pid(pk, again) == NHI_OK);
    }
    if (nhi_paserk_secret_decode(text, sk) == NHI_OK) {
        MUST(nhi_paserk_secret_encode(sk, again) == NHI_OK);
        MUST(strcmp(text, again) == 0);
    }
}

static void read_time(const char *text)
{
    char again[NHI_TIME_LEN + 1];
    int64_t t;

    if (nhi_time_parse(text, &t) == NHI_OK) {
        MUST(nhi_time_format(t, again) == NHI_OK);
        MUST(strcmp(text, again) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0 || size > 4096 || sodium_init() < 0)
        return 0;
    text = malloc(size);
    MUST(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 4) {
    case 0:
        read_text(text, size - 1);
        break;
    case 1:
        read_payload(text, size - 1);
        break;
    case 2:
        read_keys(text);
        break;
    default:
        read_time(text);
        break;
    }
    free(text);
    return 0;
}
