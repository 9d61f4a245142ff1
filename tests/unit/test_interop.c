/* SPDX-License-Identifier: ISC */
/*
 * Live, with npm paseto 4: new keys and new tickets, both ways.
 *
 * NHI_PASETO_MODULES names a node_modules directory that has it (tests/vectors/install-paseto.sh makes one), else
 * ./node_modules is tried.
 */
#include "libnhi/ticket/claims.h"
#include "tests/vectors/vectors.h"

#define ROUNDS 20

static const char *const accounts[] = { "deploy", "builder deploy" };
static const char *const tasks[] = { "CHG-4711", "job/7:a,b;{x}'[y]" };

static uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];

static int setup(void **state)
{
    (void)state;
    return nhi_key_generate(pk, sk) == NHI_OK ? 0 : -1;
}

static bool has_node(void)
{
    const char *modules = getenv("NHI_PASETO_MODULES");
    char path[4096];

    snprintf(path, sizeof(path), "%s/paseto/v4/public.js", modules ? modules : "node_modules");
    if (access(path, R_OK) == 0 && system("node --version >/dev/null 2>&1") == 0)
        return true;
    printf("1..0 # SKIP no node, or no %s (NHI_PASETO_MODULES)\n", path);
    return false;
}

/* One answer for each request. The shell gets our text only through the environment. */
static json_t *answers(json_t *requests)
{
    const char *own = getenv("NHI_OWN_VECTORS");
    char name[] = "/tmp/nhi-interop-XXXXXX", line[8192];
    json_t *all = json_array(), *v;
    FILE *in, *out;
    size_t i;

    in = fdopen(mkstemp(name), "w");
    assert_non_null(in);
    json_array_foreach(requests, i, v)
    {
        assert_int_equal(json_dumpf(v, in, JSON_COMPACT), 0);
        fputc('\n', in);
    }
    fclose(in);
    setenv("NHI_LIVE_INPUT", name, 1);
    setenv("NHI_LIVE_DIR", own != NULL ? own : "tests/vectors", 1);
    out = popen("exec node \"$NHI_LIVE_DIR/live.mjs\" <\"$NHI_LIVE_INPUT\"", "r");
    assert_non_null(out);
    while (fgets(line, sizeof(line), out) != NULL)
        json_array_append_new(all, json_loads(line, 0, NULL));
    assert_int_equal(pclose(out), 0);
    unlink(name);
    assert_int_equal(json_array_size(all), json_array_size(requests));
    return all;
}

static struct nhi_ticket sample(size_t i)
{
    struct nhi_ticket t = { .kid = "main",
                            .agent = "builder",
                            .host = "w1.example.org",
                            .services = "sshd sudo",
                            .iat = 1795471500,
                            .exp = 1795475100 };
    uint8_t id[16];

    randombytes_buf(id, sizeof(id));
    nhi_b64_encode(id, sizeof(id), t.jti);
    strcpy(t.task, tasks[i % 2]);
    strcpy(t.accounts, accounts[i / 2 % 2]);
    t.nbf = i % 3 == 1 ? t.iat + 1 : 0;
    t.uses = (uint32_t)i;
    return t;
}

static void theirs_reads_ours(void **state)
{
    json_t *requests = json_array(), *all;
    char key[NHI_PASERK_MAX], *text, *json;
    const json_t *v;
    size_t i;

    (void)state;
    assert_int_equal(nhi_paserk_public_encode(pk, key), NHI_OK);
    for (i = 0; i < ROUNDS; i++) {
        struct nhi_ticket t = sample(i);

        assert_int_equal(nhi_ticket_mint(&t, sk, &text), NHI_OK);
        assert_int_equal(nhi_claims_encode(&t, &json), NHI_OK);
        json_array_append_new(requests, json_pack("{s:s,s:s,s:s,s:s,s:s}", "op", "verify", "public", key, "token", text,
                                                  "now", "2026-11-23T22:30:00Z", "want", json));
        nhi_text_free(text);
        nhi_text_free(json);
    }
    all = answers(requests);
    json_array_foreach(all, i, v)
    {
        const char *want = text_of(json_array_get(requests, i), "want");
        json_t *claims = json_loads(want, 0, NULL);

        if (!json_equal(json_object_get(v, "claims"), claims))
            fail_msg("%s: %s", text_of(v, "error"), want);
        assert_string_equal(text_of(v, "footer"), "{\"kid\":\"main\"}");
        json_decref(claims);
    }
    json_decref(all);
    json_decref(requests);
}

/* So that a live.mjs that accepts everything is noticed. */
static void theirs_refuses_others(void **state)
{
    json_t *requests = json_array(), *all;
    uint8_t other_pk[NHI_PK_LEN], other_sk[NHI_SK_LEN];
    struct nhi_ticket t = sample(1);
    char key[NHI_PASERK_MAX], *text;

    (void)state;
    assert_int_equal(nhi_key_generate(other_pk, other_sk), NHI_OK);
    assert_int_equal(nhi_paserk_public_encode(pk, key), NHI_OK);
    assert_int_equal(nhi_ticket_mint(&t, other_sk, &text), NHI_OK);
    json_array_append_new(requests, json_pack("{s:s,s:s,s:s,s:s}", "op", "verify", "public", key, "token", text, "now",
                                              "2026-11-23T22:30:00Z"));
    all = answers(requests);
    assert_string_not_equal(text_of(json_array_get(all, 0), "error"), "");
    nhi_text_free(text);
    json_decref(all);
    json_decref(requests);
}

static void ours_reads_theirs(void **state)
{
    json_t *requests = json_array(), *all;
    char key[NHI_PASERK_MAX], *want, *got, *made;
    const json_t *v;
    size_t i;

    (void)state;
    assert_int_equal(nhi_paserk_secret_encode(sk, key), NHI_OK);
    for (i = 0; i < ROUNDS; i++) {
        struct nhi_ticket t = sample(i);
        json_t *claims;

        assert_int_equal(nhi_claims_encode(&t, &want), NHI_OK);
        claims = json_loads(want, 0, NULL);
        json_array_append_new(requests, json_pack("{s:s,s:s,s:o,s:s,s:s}", "op", "sign", "secret", key, "claims",
                                                  claims, "footer", "{\"kid\":\"main\"}", "want", want));
        nhi_text_free(want);
    }
    all = answers(requests);
    json_array_foreach(all, i, v)
    {
        const char *token = text_of(v, "token");
        struct nhi_ticket t;

        assert_int_equal(nhi_ticket_verify(token, strlen(token), pk, &t), NHI_OK);
        assert_int_equal(nhi_claims_encode(&t, &got), NHI_OK);
        assert_string_equal(got, text_of(json_array_get(requests, i), "want"));
        assert_int_equal(nhi_ticket_mint(&t, sk, &made), NHI_OK);
        assert_string_equal(made, token);
        nhi_text_free(got);
        nhi_text_free(made);
    }
    json_decref(all);
    json_decref(requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(theirs_reads_ours),
        cmocka_unit_test(theirs_refuses_others),
        cmocka_unit_test(ours_reads_theirs),
    };

    if (!has_node())
        return 0;
    return cmocka_run_group_tests_name("interop", tests, setup, NULL);
}
