/* What the signature check underneath accepts: Wycheproof and the speccheck edge cases. */
#include "tests/vectors/vectors.h"

static bool verifies(const char *hex_pk, const char *hex_msg, const char *hex_sig)
{
    uint8_t pk[NHI_PK_LEN], msg[4096], sig[256];
    size_t msg_len = unhex(hex_msg, msg, sizeof(msg));

    assert_int_equal(unhex(hex_pk, pk, sizeof(pk)), sizeof(pk));
    /* A signature of another length has no way into the check: tokens are cut at 64 bytes. */
    if (unhex(hex_sig, sig, sizeof(sig)) != crypto_sign_BYTES)
        return false;
    return crypto_sign_verify_detached(sig, msg, msg_len, pk) == 0;
}

static void wycheproof(void **state)
{
    json_t *all = vectors_shared("ed25519/ed25519_test.json");
    const json_t *group, *v;
    size_t i, k, count = 0, good = 0;

    (void)state;
    json_array_foreach(json_object_get(all, "testGroups"), i, group)
    {
        const char *pk = text_of(json_object_get(group, "publicKey"), "pk");

        json_array_foreach(json_object_get(group, "tests"), k, v)
        {
            bool valid = strcmp(text_of(v, "result"), "valid") == 0;

            count++;
            good += valid;
            if (verifies(pk, text_of(v, "msg"), text_of(v, "sig")) != valid)
                fail_msg("case %d: %s", (int)json_integer_value(json_object_get(v, "tcId")),
                         text_of(v, "comment"));
        }
    }
    assert_int_equal(count, json_integer_value(json_object_get(all, "numberOfTests")));
    assert_true(good > 0 && good < count);
    json_decref(all);
}

static void speccheck(void **state)
{
    json_t *all = vectors_shared("ed25519/ed25519_speccheck_cases.json");
    const json_t *v;
    size_t i;

    (void)state;
    assert_int_equal(json_array_size(all), 12);
    json_array_foreach(all, i, v) assert_int_equal(
        verifies(text_of(v, "pub_key"), text_of(v, "message"), text_of(v, "signature")), i == 3);
    json_decref(all);
}

/* Keys that nobody holds the secret of. */
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
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(unhex(bad[i], pk, sizeof(pk)), sizeof(pk));
        if (nhi_pk_is_usable(pk))
            fail_msg("usable: %s", bad[i]);
    }
    golden_key(pk, sk);
    assert_true(nhi_pk_is_usable(pk));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wycheproof),
        cmocka_unit_test(speccheck),
        cmocka_unit_test(unusable_keys),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("ed25519", tests, NULL, NULL);
}
