/* SPDX-License-Identifier: ISC */
/* Keys as text: round trips, and malformed texts. The vectors are in test_official.c. */
#include "libnhi/key/paserk_pw.h"
#include "tests/vectors/vectors.h"

static int setup(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

static void password_round_trip(void **state)
{
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN], got[NHI_SK_LEN], bad[NHI_SK_LEN];
    char text[NHI_PASERK_MAX], again[NHI_PASERK_MAX];

    (void)state;
    assert_int_equal(nhi_key_generate(pk, sk), NHI_OK);
    assert_int_equal(nhi_paserk_secret_pw_encode(sk, nhi_piece("p\0w", 3), 8192, 1, text), NHI_OK);
    assert_int_equal(nhi_paserk_secret_pw_decode(text, nhi_piece("p\0w", 3), got), NHI_OK);
    assert_memory_equal(got, sk, sizeof(sk));
    memset(got, 7, sizeof(got));
    assert_int_equal(nhi_paserk_secret_pw_decode(text, nhi_piece("p\0v", 3), got), NHI_ERR_SIGNATURE);
    assert_int_equal(nhi_paserk_secret_pw_decode(text, nhi_piece("p", 1), got), NHI_ERR_SIGNATURE);
    for (size_t i = 0; i < sizeof(got); i++)
        assert_int_equal(got[i], 7);
    assert_int_equal(nhi_paserk_secret_pw_encode(sk, nhi_piece("p\0w", 3), 8192, 1, again), NHI_OK);
    /* The salt is the first 16 bytes, the nonce begins at the 32nd. */
    assert_memory_not_equal(text + 13, again + 13, 21);
    assert_memory_not_equal(text + 13 + 43, again + 13 + 43, 31);

    assert_int_equal(nhi_paserk_secret_pw_encode(sk, nhi_piece("p", 1), (1u << 30) + 1024, 1, text), NHI_ERR_ARG);
    assert_int_equal(nhi_paserk_secret_pw_encode(sk, nhi_piece("p", 1), 8191, 1, text), NHI_ERR_ARG);
    assert_int_equal(nhi_paserk_secret_pw_encode(sk, nhi_piece("p", 1), 8192, 0, text), NHI_ERR_ARG);
    assert_int_equal(nhi_paserk_secret_pw_encode(sk, nhi_piece("p", 1), 8192, 17, text), NHI_ERR_ARG);
    memcpy(bad, sk, sizeof(bad));
    bad[40] ^= 1;
    assert_int_equal(nhi_paserk_secret_pw_encode(bad, nhi_piece("p", 1), 8192, 1, text), NHI_ERR_FORMAT);
}

/* One byte of the decoded text changed: the tag refuses it, or the limits do before Argon2id runs. */
static void password_text_is_whole(void **state)
{
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN], got[NHI_SK_LEN], raw[152];
    char text[NHI_PASERK_MAX];

    (void)state;
    golden_key(pk, sk);
    assert_int_equal(nhi_paserk_secret_pw_encode(sk, nhi_piece("pw", 2), 8192, 1, text), NHI_OK);
    assert_int_equal(nhi_b64_decode(text + 13, strlen(text + 13), raw, sizeof(raw)), NHI_OK);
    for (size_t i = 0; i < sizeof(raw); i++) {
        /* Here 0x80 demands more than 1 GiB, more than 16 passes, or other than one lane. In the low bytes of the
         * memory it demands no more than 8 MiB, and results in another key. */
        bool bounded = (i >= 16 && i <= 20) || (i >= 24 && i < 32);

        raw[i] ^= 0x80;
        text_around("k4.secret-pw.", raw, sizeof(raw), text);
        raw[i] ^= 0x80;
        assert_int_equal(nhi_paserk_secret_pw_decode(text, nhi_piece("pw", 2), got),
                         bounded ? NHI_ERR_FORMAT : NHI_ERR_SIGNATURE);
    }
    raw[31] = 2; /* two lanes: libsodium has one */
    text_around("k4.secret-pw.", raw, sizeof(raw), text);
    assert_int_equal(nhi_paserk_secret_pw_decode(text, nhi_piece("pw", 2), got), NHI_ERR_FORMAT);
}

static void wrong_shapes(void **state)
{
    static const char *const header[] = { "k4.public.", "k4.secret.", "k4.secret-pw." };
    char text[NHI_PASERK_MAX + 8], bad[NHI_PASERK_MAX + 16];
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];

    (void)state;
    golden_key(pk, sk);
    for (size_t i = 0; i < 3; i++) {
        const char *forms[] = { "%s=", "%s\n", "%s ", " %s", "%sA", "%s.", "K%s", "" };

        assert_int_equal(i == 0   ? nhi_paserk_public_encode(pk, text)
                         : i == 1 ? nhi_paserk_secret_encode(sk, text)
                                  : nhi_paserk_secret_pw_encode(sk, nhi_piece("pw", 2), 8192, 1, text),
                         NHI_OK);
        assert_memory_equal(text, header[i], strlen(header[i]));
        for (size_t k = 0; k < sizeof(forms) / sizeof(forms[0]) + 1; k++) {
            const char *at = k < 8 ? strstr(forms[k], "%s") : NULL;

            /* The last form is the text without its last character. */
            if (k == 8)
                snprintf(bad, sizeof(bad), "%.*s", (int)strlen(text) - 1, text);
            else if (at != NULL)
                snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - forms[k]), forms[k], text, at + 2);
            else
                bad[0] = '\0';
            assert_int_equal(nhi_paserk_public_decode(bad, pk), NHI_ERR_FORMAT);
            assert_int_equal(nhi_paserk_secret_decode(bad, sk), NHI_ERR_FORMAT);
            assert_int_equal(nhi_paserk_secret_pw_decode(bad, nhi_piece("pw", 2), sk), NHI_ERR_FORMAT);
        }
    }
    /* Another kind or version, of the same length. */
    assert_int_equal(nhi_paserk_public_encode(pk, text), NHI_OK);
    for (size_t i = 0; i < strlen("k4.public."); i++) {
        text[i] ^= 1;
        assert_int_equal(nhi_paserk_public_decode(text, pk), NHI_ERR_FORMAT);
        text[i] ^= 1;
    }
    assert_int_equal(nhi_paserk_public_decode(text, pk), NHI_OK);
    memset(bad, 'A', sizeof(bad) - 1);
    bad[sizeof(bad) - 1] = '\0';
    memcpy(bad, "k4.public.", 10);
    assert_int_equal(nhi_paserk_public_decode(bad, pk), NHI_ERR_FORMAT);
}

/* A secret key with the public half of another one. */
static void halves_that_differ(void **state)
{
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN], got[NHI_SK_LEN];
    char text[NHI_PASERK_MAX];

    (void)state;
    golden_key(pk, sk);
    sk[63] ^= 1;
    assert_int_equal(nhi_paserk_secret_encode(sk, text), NHI_ERR_FORMAT);
    text_around("k4.secret.", sk, sizeof(sk), text);
    assert_int_equal(nhi_paserk_secret_decode(text, got), NHI_ERR_FORMAT);
    sk[63] ^= 1;
    text_around("k4.secret.", sk, sizeof(sk), text);
    assert_int_equal(nhi_paserk_secret_decode(text, got), NHI_OK);
}

static void new_keys_differ(void **state)
{
    uint8_t pk[2][NHI_PK_LEN], sk[2][NHI_SK_LEN];

    (void)state;
    assert_int_equal(nhi_key_generate(pk[0], sk[0]), NHI_OK);
    assert_int_equal(nhi_key_generate(pk[1], sk[1]), NHI_OK);
    assert_memory_not_equal(pk[0], pk[1], NHI_PK_LEN);
    assert_memory_equal(sk[0] + 32, pk[0], NHI_PK_LEN);
    assert_true(nhi_sk_is_whole(sk[0]) && nhi_pk_is_usable(pk[0]));
    nhi_wipe(sk[0], NHI_SK_LEN);
    assert_true(sodium_is_zero(sk[0], NHI_SK_LEN) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(password_round_trip), cmocka_unit_test(password_text_is_whole), cmocka_unit_test(wrong_shapes),
        cmocka_unit_test(halves_that_differ),  cmocka_unit_test(new_keys_differ),
    };

    return cmocka_run_group_tests_name("paserk", tests, setup, NULL);
}
