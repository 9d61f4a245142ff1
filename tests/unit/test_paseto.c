/* SPDX-License-Identifier: ISC */
/* v4.public: pieces of every awkward size, and malformed texts. */
#include "tests/vectors/vectors.h"

#include <dlfcn.h>

/* What sodium returns: 0 for the first time in a process, then 1; -1 if it cannot. */
static int says = 1;

__attribute__((visibility("default"))) int sodium_init(void)
{
    static int (*real)(void);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "sodium_init");
    return real() < 0 ? -1 : says;
}

static uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];

static int setup(void **state)
{
    (void)state;
    if (sodium_init() < 0)
        return -1;
    golden_key(pk, sk);
    return 0;
}

/* Byte for byte as make-golden.mjs makes it. */
static uint8_t *pattern(size_t len)
{
    uint8_t *p = malloc(len + 1);

    assert_non_null(p);
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(i * 7 + 3);
    return p;
}

static char *message(size_t len)
{
    char *p = malloc(len + 1);

    assert_non_null(p);
    memset(p, 'x', len);
    p[len] = '\0';
    if (len >= 8) {
        memcpy(p, "{\"d\":\"", 6);
        memcpy(p + len - 2, "\"}", 2);
    }
    return p;
}

static void check_piece(const json_t *v)
{
    size_t msg_len = (size_t)json_integer_value(json_object_get(v, "message"));
    size_t footer_len = (size_t)json_integer_value(json_object_get(v, "footer"));
    size_t implicit_len = (size_t)json_integer_value(json_object_get(v, "implicit"));
    uint8_t *footer = pattern(footer_len), *implicit = pattern(implicit_len);
    uint8_t digest[crypto_hash_sha256_BYTES], want[crypto_hash_sha256_BYTES];
    char *msg = message(msg_len), *token = NULL;
    struct nhi_bytes got = { NULL, 0 };

    assert_int_equal(nhi_paseto_sign(sk, nhi_piece(msg, msg_len), nhi_piece(footer, footer_len),
                                     nhi_piece(implicit, implicit_len), &token),
                     NHI_OK);
    crypto_hash_sha256(digest, (const uint8_t *)token, strlen(token));
    assert_int_equal(unhex(text_of(v, "sha256"), want, sizeof(want)), sizeof(want));
    assert_memory_equal(digest, want, sizeof(want));

    assert_int_equal(nhi_paseto_verify(pk, token, strlen(token), nhi_piece(implicit, implicit_len), &got), NHI_OK);
    assert_int_equal(got.len, msg_len);
    assert_memory_equal(got.data, msg, msg_len);
    assert_int_equal(got.data[got.len], 0);
    nhi_bytes_free(&got);
    assert_int_equal(nhi_paseto_footer(token, strlen(token), &got), NHI_OK);
    assert_int_equal(got.len, footer_len);
    assert_memory_equal(got.data, footer, footer_len);
    assert_int_equal(got.data[got.len], 0);
    nhi_bytes_free(&got);
    nhi_text_free(token);
    free(msg);
    free(footer);
    free(implicit);
}

static void pieces_of_every_size(void **state)
{
    json_t *all = vectors_own("golden.json");
    const json_t *v;
    size_t i;

    (void)state;
    assert_int_equal(json_array_size(json_object_get(all, "pieces")), 19);
    json_array_foreach(json_object_get(all, "pieces"), i, v) check_piece(v);
    json_decref(all);
}

static void pieces_over_the_limit(void **state)
{
    size_t len = NHI_PASETO_PIECE_MAX;
    uint8_t *big = pattern(len + 1);
    struct nhi_bytes got = { NULL, 0 };
    char *token = NULL, *text;

    (void)state;
    assert_int_equal(nhi_paseto_sign(sk, nhi_piece(big, len + 1), nhi_piece(NULL, 0), nhi_piece(NULL, 0), &token),
                     NHI_ERR_TOO_LONG);
    assert_int_equal(nhi_paseto_sign(sk, nhi_piece("x", 1), nhi_piece(big, len + 1), nhi_piece(NULL, 0), &token),
                     NHI_ERR_TOO_LONG);
    assert_int_equal(nhi_paseto_sign(sk, nhi_piece("x", 1), nhi_piece(NULL, 0), nhi_piece(big, len + 1), &token),
                     NHI_ERR_TOO_LONG);
    assert_int_equal(nhi_paseto_sign(sk, nhi_piece("x", 1), nhi_piece(NULL, 0), nhi_piece(big, SIZE_MAX), &token),
                     NHI_ERR_TOO_LONG);
    assert_null(token);
    assert_int_equal(nhi_paseto_sign(sk, nhi_piece(big, len), nhi_piece(big, len), nhi_piece(big, len), &token),
                     NHI_OK);
    assert_int_equal(nhi_paseto_verify(pk, token, strlen(token), nhi_piece(big, len), &got), NHI_OK);
    assert_int_equal(got.len, len);
    nhi_bytes_free(&got);
    /* A text longer than any of three such pieces is not even read. */
    assert_int_equal(nhi_paseto_footer(token, 4 * len + 1, &got), NHI_ERR_TOO_LONG);
    text = malloc(4 * len);
    assert_non_null(text);
    memset(text, '=', 4 * len);
    memcpy(text, "v4.public.", strlen("v4.public."));
    assert_int_equal(nhi_paseto_footer(text, 4 * len, &got), NHI_ERR_FORMAT);
    free(text);
    nhi_text_free(token);
    free(big);
}

/* What PAE is for: bytes that move from one piece to the next make other pieces. */
static void pieces_do_not_run_together(void **state)
{
    struct nhi_bytes got = { NULL, 0 };
    char *token = NULL, *moved;
    const char *dot;

    (void)state;
    assert_int_equal(
        nhi_paseto_sign(sk, nhi_piece("message", 7), nhi_piece("foot", 4), nhi_piece("implicit", 8), &token), NHI_OK);
    assert_int_equal(nhi_paseto_verify(pk, token, strlen(token), nhi_piece("implicit", 8), &got), NHI_OK);
    nhi_bytes_free(&got);
    assert_int_equal(nhi_paseto_verify(pk, token, strlen(token), nhi_piece("implici", 7), &got), NHI_ERR_SIGNATURE);
    assert_int_equal(nhi_paseto_verify(pk, token, strlen(token), nhi_piece("", 0), &got), NHI_ERR_SIGNATURE);
    dot = strrchr(token, '.');
    assert_int_equal(nhi_paseto_verify(pk, token, (size_t)(dot - token), nhi_piece("implicit", 8), &got),
                     NHI_ERR_SIGNATURE);
    assert_int_equal(nhi_paseto_verify(pk, token, (size_t)(dot - token), nhi_piece("footimplicit", 12), &got),
                     NHI_ERR_SIGNATURE);
    assert_int_equal(asprintf(&moved, "%.*s.%s", (int)(dot - token), token, "Zm9v"), (int)strlen(token) - 2);
    assert_int_equal(nhi_paseto_verify(pk, moved, strlen(moved), nhi_piece("timplicit", 9), &got), NHI_ERR_SIGNATURE);
    assert_null(got.data);
    free(moved);
    nhi_text_free(token);
}

static void refused(const char *text, size_t len)
{
    struct nhi_bytes got = { NULL, 0 };

    assert_int_equal(nhi_paseto_verify(pk, text, len, nhi_piece(NULL, 0), &got), NHI_ERR_FORMAT);
    assert_int_equal(nhi_paseto_footer(text, len, &got), NHI_ERR_FORMAT);
    assert_null(got.data);
}

#define REFUSED(text) refused(text, sizeof(text) - 1)
/* 85, 86 and 88 characters of base64url. */
#define B85 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B86 B85 "A"
#define B88 B86 "AA"

static void wrong_shapes(void **state)
{
    struct nhi_bytes got = { NULL, 0 };

    (void)state;
    /* 86 characters are 64 bytes: a signature over nothing. The form is good, the signature is not. */
    assert_int_equal(nhi_paseto_verify(pk, "v4.public." B86, 96, nhi_piece(NULL, 0), &got), NHI_ERR_SIGNATURE);
    REFUSED("");
    REFUSED("v4.public");
    REFUSED("v4.public.");
    REFUSED("v4.public..");
    REFUSED("v4.public." B85);
    REFUSED("v4.public.AAAA");
    REFUSED("v4.local." B88);
    REFUSED("v3.public." B88);
    REFUSED("V4.public." B88);
    REFUSED(" v4.public." B88);
    REFUSED("v4.public." B88 ".");
    REFUSED("v4.public." B88 "..");
    REFUSED("v4.public." B88 "..AAAA");
    REFUSED("v4.public." B88 ".AAAA.");
    REFUSED("v4.public." B88 ".AAAA.AAAA");
    REFUSED("v4.public." B88 ".A");
    REFUSED("v4.public." B86 "==");
    REFUSED("v4.public." B86 "=");
    REFUSED("v4.public." B88 "\n");
    REFUSED("v4.public." B88 " ");
    REFUSED("v4.public." B88 "\r\n");
    REFUSED("v4.public." B88 "\0");
    REFUSED("v4.public." B88 "\0.AAAA");
    REFUSED("v4.public.\0" B88);
    REFUSED("v4.public." B86 "\nA");
    REFUSED("v4.public." B86 "+A");
    REFUSED("v4.public." B86 "/A");
    REFUSED("v4.public." B86 ".AA==");
    REFUSED("v4.public." B86 ".AB");  /* trailing bits of a footer */
    REFUSED("v4.public." B86 ".AAB"); /* the same, of three characters */
    REFUSED("v4.public." B85 "B");    /* trailing bits of the signature */
}

/* Every last character except the canonical ones is refused, for both lengths that have spare bits. */
static void base64_is_canonical(void **state)
{
    const char *set = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char two[] = "AA", three[] = "AAA", four[] = "AAAA";
    uint8_t out[4] = { 9, 9, 9, 9 };

    (void)state;
    for (int c = 0; c < 256; c++) {
        const char *at = c != 0 ? strchr(set, c) : NULL;

        two[1] = three[2] = four[3] = (char)c;
        assert_int_equal(nhi_b64_decode(two, 2, out, 1) == NHI_OK, at != NULL && (at - set) % 16 == 0);
        assert_int_equal(nhi_b64_decode(three, 3, out, 2) == NHI_OK, at != NULL && (at - set) % 4 == 0);
        assert_int_equal(nhi_b64_decode(four, 4, out, 3) == NHI_OK, at != NULL);
    }
    assert_int_equal(nhi_b64_decode("AAAA", 4, out, 2), NHI_ERR_FORMAT);
    assert_int_equal(nhi_b64_decode("AAAA", 4, out, 4), NHI_ERR_FORMAT);
    assert_int_equal(nhi_b64_decode("AA=", 3, out, 1), NHI_ERR_FORMAT);
    assert_int_equal(nhi_b64_decode("", 0, out, 0), NHI_OK);
}

static void refusal_writes_nothing(void **state)
{
    uint8_t out[3] = { 7, 7, 7 };

    (void)state;
    assert_int_equal(nhi_b64_decode("AAA\n", 4, out, 3), NHI_ERR_FORMAT);
    assert_int_equal(out[0] + out[1] + out[2], 21);
    nhi_bytes_free(NULL);
    nhi_text_free(NULL);
    nhi_wipe(NULL, 0);
}

/* Keys without a known secret. */
static void unusable_keys(void **state)
{
    static const char *const bad[] = {
        /* the eight points of small order */
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        /* not canonical: y = p and y = p + 1 */
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        /* not on the curve */
        "0200000000000000000000000000000000000000000000000000000000000000",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        /* on the curve, in a mixed-order subgroup (speccheck, number 4) */
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
    };
    uint8_t bad_pk[NHI_PK_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(unhex(bad[i], bad_pk, sizeof(bad_pk)), sizeof(bad_pk));
        if (nhi_pk_is_usable(bad_pk))
            fail_msg("usable: %s", bad[i]);
    }
    assert_true(nhi_pk_is_usable(pk));
}

static int signs_nothing(void *ctx, const uint8_t *bytes, size_t len, uint8_t signature[NHI_SIG_LEN])
{
    (void)ctx, (void)bytes, (void)len, (void)signature;
    return -1;
}

static void nothing_signed(void **state)
{
    const struct nhi_signing by = { signs_nothing, NULL };
    char *token = NULL;

    (void)state;
    assert_int_equal(nhi_paseto_sign_by(&by, nhi_piece("x", 1), nhi_piece(NULL, 0), nhi_piece(NULL, 0), &token),
                     NHI_ERR_SIGNATURE);
    assert_null(token);
}

static void as_sodium_says(void **state)
{
    struct nhi_bytes got = { NULL, 0 };
    char *token = NULL, *none = NULL;

    (void)state;
    for (says = 0; says < 2; says++) {
        assert_true(nhi_pk_is_usable(pk));
        nhi_text_free(token);
        assert_int_equal(nhi_paseto_sign(sk, nhi_piece("x", 1), nhi_piece(NULL, 0), nhi_piece(NULL, 0), &token),
                         NHI_OK);
        assert_int_equal(nhi_paseto_verify(pk, token, strlen(token), nhi_piece(NULL, 0), &got), NHI_OK);
        nhi_bytes_free(&got);
    }
    says = -1;
    got.data = NULL;
    assert_false(nhi_pk_is_usable(pk));
    assert_int_equal(nhi_paseto_sign(sk, nhi_piece("x", 1), nhi_piece(NULL, 0), nhi_piece(NULL, 0), &none),
                     NHI_ERR_SYS);
    assert_int_equal(nhi_paseto_verify(pk, token, strlen(token), nhi_piece(NULL, 0), &got), NHI_ERR_SYS);
    assert_null(none);
    assert_null(got.data);
    nhi_text_free(token);
    says = 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unusable_keys),          cmocka_unit_test(pieces_of_every_size),
        cmocka_unit_test(pieces_over_the_limit),  cmocka_unit_test(pieces_do_not_run_together),
        cmocka_unit_test(wrong_shapes),           cmocka_unit_test(base64_is_canonical),
        cmocka_unit_test(refusal_writes_nothing), cmocka_unit_test(as_sodium_says),
        cmocka_unit_test(nothing_signed),
    };

    return cmocka_run_group_tests_name("paseto", tests, setup, NULL);
}
