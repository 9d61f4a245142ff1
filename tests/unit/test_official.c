/* SPDX-License-Identifier: ISC */
/* The official PASETO and PASERK vectors. */
/* Invariant: 8. */
#include "libnhi/key/paserk_pw.h"
#include "tests/vectors/vectors.h"

static uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];

static int setup(void **state)
{
    (void)state;
    if (sodium_init() < 0)
        return -1;
    golden_key(pk, sk);
    return 0;
}

/* Keys of tests about v4.local stay the golden one: nothing of ours may accept them. */
static void check_official(const json_t *v)
{
    const char *token = text_of(v, "token"), *payload = text_of(v, "payload");
    const char *footer = text_of(v, "footer"), *implicit = text_of(v, "implicit-assertion");
    const char *hex_pk = text_of(v, "public-key"), *hex_sk = text_of(v, "secret-key");
    uint8_t key[NHI_PK_LEN], secret[NHI_SK_LEN];
    struct nhi_bytes msg = { NULL, 0 };
    enum nhi_err err;
    char *made = NULL;

    memcpy(key, pk, sizeof(key));
    if (hex_pk[0] != '\0')
        assert_int_equal(unhex(hex_pk, key, sizeof(key)), sizeof(key));
    err = nhi_paseto_verify(key, token, strlen(token), nhi_piece(implicit, strlen(implicit)), &msg);
    if (strncmp(text_of(v, "name"), "4-S-", 4) != 0) {
        assert_int_not_equal(err, NHI_OK);
        assert_null(msg.data);
        return;
    }
    assert_int_equal(err, NHI_OK);
    assert_int_equal(msg.len, strlen(payload));
    assert_memory_equal(msg.data, payload, msg.len);
    nhi_bytes_free(&msg);

    assert_int_equal(nhi_paseto_footer(token, strlen(token), &msg), NHI_OK);
    assert_int_equal(msg.len, strlen(footer));
    assert_memory_equal(msg.data, footer, msg.len);
    nhi_bytes_free(&msg);

    assert_int_equal(unhex(hex_sk, secret, sizeof(secret)), sizeof(secret));
    assert_int_equal(nhi_paseto_sign(secret, nhi_piece(payload, strlen(payload)), nhi_piece(footer, strlen(footer)),
                                     nhi_piece(implicit, strlen(implicit)), &made),
                     NHI_OK);
    assert_string_equal(made, token);
    nhi_text_free(made);
}

static void paseto_vectors(void **state)
{
    json_t *all = vectors_shared("paseto/v4.json");
    size_t i, signing = 0, failing = 0, local = 0;
    const json_t *v;

    (void)state;
    json_array_foreach(json_object_get(all, "tests"), i, v)
    {
        const char *name = text_of(v, "name");

        signing += strncmp(name, "4-S-", 4) == 0;
        failing += strncmp(name, "4-F-", 4) == 0;
        local += strncmp(name, "4-E-", 4) == 0;
        check_official(v);
    }
    assert_int_equal(signing, 3);
    assert_int_equal(failing, 5);
    assert_int_equal(local, 9);
    json_decref(all);
}

static void public_vectors(void **state)
{
    json_t *all = vectors_shared("paserk/k4.public.json");
    char text[NHI_PASERK_MAX];
    uint8_t key[64], got[NHI_PK_LEN];
    size_t i, len;
    const json_t *v;

    (void)state;
    assert_int_equal(json_array_size(json_object_get(all, "tests")), 4);
    json_array_foreach(json_object_get(all, "tests"), i, v)
    {
        len = unhex(text_of(v, "key"), key, sizeof(key));
        if (json_is_true(json_object_get(v, "expect-fail"))) {
            text_around("k4.public.", key, len, text);
            assert_int_equal(nhi_paserk_public_decode(text, got), NHI_ERR_FORMAT);
            continue;
        }
        assert_int_equal(len, NHI_PK_LEN);
        assert_int_equal(nhi_paserk_public_encode(key, text), NHI_OK);
        assert_string_equal(text, text_of(v, "paserk"));
        assert_int_equal(nhi_paserk_public_decode(text, got), NHI_OK);
        assert_memory_equal(got, key, sizeof(got));
    }
    json_decref(all);
}

static void secret_vectors(void **state)
{
    json_t *all = vectors_shared("paserk/k4.secret.json");
    char text[NHI_PASERK_MAX];
    uint8_t key[128], got[NHI_SK_LEN];
    size_t i, len;
    const json_t *v;

    (void)state;
    assert_int_equal(json_array_size(json_object_get(all, "tests")), 5);
    json_array_foreach(json_object_get(all, "tests"), i, v)
    {
        len = unhex(text_of(v, "key"), key, sizeof(key));
        if (json_is_true(json_object_get(v, "expect-fail"))) {
            text_around("k4.secret.", key, len, text);
            assert_int_equal(nhi_paserk_secret_decode(text, got), NHI_ERR_FORMAT);
            continue;
        }
        assert_int_equal(len, NHI_SK_LEN);
        assert_int_equal(nhi_paserk_secret_encode(key, text), NHI_OK);
        assert_string_equal(text, text_of(v, "paserk"));
        assert_int_equal(nhi_paserk_secret_decode(text, got), NHI_OK);
        assert_memory_equal(got, key, sizeof(got));
    }
    json_decref(all);
}

static void pid_vectors(void **state)
{
    json_t *all = vectors_shared("paserk/k4.pid.json");
    char text[NHI_PASERK_MAX];
    uint8_t key[64], got[NHI_PK_LEN];
    size_t i, len;
    const json_t *v;

    (void)state;
    assert_int_equal(json_array_size(json_object_get(all, "tests")), 5);
    json_array_foreach(json_object_get(all, "tests"), i, v)
    {
        len = unhex(text_of(v, "key"), key, sizeof(key));
        if (json_is_true(json_object_get(v, "expect-fail"))) {
            /* A fingerprint is of a key of 32 bytes: no text gets another one in. */
            text_around("k4.public.", key, len, text);
            assert_int_equal(nhi_paserk_public_decode(text, got), NHI_ERR_FORMAT);
            continue;
        }
        assert_int_equal(len, NHI_PK_LEN);
        assert_int_equal(nhi_paserk_pid(key, text), NHI_OK);
        assert_string_equal(text, text_of(v, "paserk"));
    }
    json_decref(all);
}

static void password_vectors(void **state)
{
    json_t *all = vectors_shared("paserk/k4.secret-pw.json");
    uint8_t want[NHI_SK_LEN], got[NHI_SK_LEN];
    size_t i, good = 0;
    const json_t *v;

    (void)state;
    json_array_foreach(json_object_get(all, "tests"), i, v)
    {
        /* Some of the passwords look like hexadecimal, and are used literally. */
        const char *password = text_of(v, "password");
        enum nhi_err err =
            nhi_paserk_secret_pw_decode(text_of(v, "paserk"), nhi_piece(password, strlen(password)), got);

        if (json_is_true(json_object_get(v, "expect-fail"))) {
            /* The text with the bad tag has bad trailing bits, too, and the third a bad header. */
            bool bad_password = strcmp(text_of(v, "name"), "k4.secret-pw-fail-1") == 0;

            assert_int_equal(err, bad_password ? NHI_ERR_SIGNATURE : NHI_ERR_FORMAT);
            continue;
        }
        assert_int_equal(err, NHI_OK);
        assert_int_equal(unhex(text_of(v, "unwrapped"), want, sizeof(want)), sizeof(want));
        assert_memory_equal(got, want, sizeof(want));
        good++;
    }
    assert_int_equal(good, 3);
    assert_int_equal(i, 6);
    json_decref(all);
}

int main(void)
{
    static const char *const files[] = { "paseto/v4.json", "paserk/k4.public.json", "paserk/k4.secret.json",
                                         "paserk/k4.pid.json", "paserk/k4.secret-pw.json" };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paseto_vectors), cmocka_unit_test(public_vectors),   cmocka_unit_test(secret_vectors),
        cmocka_unit_test(pid_vectors),    cmocka_unit_test(password_vectors),
    };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (!vectors_present(files[i]))
            return 0;
    return cmocka_run_group_tests_name("official", tests, setup, NULL);
}
