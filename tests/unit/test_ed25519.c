/* SPDX-License-Identifier: ISC */
/* What the underlying signature check accepts: Wycheproof and the speccheck edge cases. */
/* Invariant: 8. */
#include "tests/vectors/vectors.h"

static bool verifies(const char *hex_pk, const char *hex_msg, const char *hex_sig)
{
    uint8_t pk[NHI_PK_LEN], msg[4096], sig[256];
    size_t msg_len = unhex(hex_msg, msg, sizeof(msg));

    assert_int_equal(unhex(hex_pk, pk, sizeof(pk)), sizeof(pk));
    /* A signature of another length never reaches the check: tokens are cut at 64 bytes. */
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
                fail_msg("case %d: %s", (int)json_integer_value(json_object_get(v, "tcId")), text_of(v, "comment"));
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
    json_array_foreach(all, i, v)
        assert_int_equal(verifies(text_of(v, "pub_key"), text_of(v, "message"), text_of(v, "signature")), i == 3);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wycheproof),
        cmocka_unit_test(speccheck),
    };

    if (!vectors_present("ed25519/ed25519_test.json") || !vectors_present("ed25519/ed25519_speccheck_cases.json"))
        return 0;
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("ed25519", tests, NULL, NULL);
}
