/* SPDX-License-Identifier: ISC */
/* Tickets as texts: golden ones, and every way to damage one. The claims are in test_claims.c. */
/* Invariant: 8. */
#include "libnhi/base/time.h"
#include "libnhi/ticket/claims.h"
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

static struct nhi_ticket sample(void)
{
    struct nhi_ticket t = { .kid = "main",
                            .jti = "AAECAwQFBgcICQoLDA0ODw",
                            .agent = "builder",
                            .task = "CHG-4711",
                            .host = "web1.example.org",
                            .accounts = "deploy",
                            .services = "sshd",
                            .iat = 1795471500,
                            .exp = 1795475100 };

    return t;
}

static void check_claims(const struct nhi_ticket *t, const json_t *claims)
{
    const json_t *use = json_object_get(claims, "use");
    char text[NHI_TIME_LEN + 1], cnf[NHI_B64_LEN(NHI_PK_LEN) + 1] = "";

    assert_string_equal(t->jti, text_of(claims, "jti"));
    assert_string_equal(t->agent, text_of(claims, "sub"));
    assert_string_equal(t->task, text_of(claims, "task"));
    assert_string_equal(t->host, text_of(claims, "aud"));
    assert_string_equal(t->accounts, text_of(claims, "acc"));
    assert_string_equal(t->services, text_of(claims, "svc"));
    assert_string_equal(t->parent, text_of(claims, "par"));
    assert_int_equal(nhi_time_format(t->iat, text), NHI_OK);
    assert_string_equal(text, text_of(claims, "iat"));
    assert_int_equal(nhi_time_format(t->exp, text), NHI_OK);
    assert_string_equal(text, text_of(claims, "exp"));
    assert_int_equal(nhi_time_format(t->nbf, text), NHI_OK);
    assert_string_equal(t->nbf != 0 ? text : "", text_of(claims, "nbf"));
    if (t->has_cnf)
        nhi_b64_encode(t->cnf, sizeof(t->cnf), cnf);
    assert_string_equal(cnf, text_of(claims, "cnf"));
    assert_int_equal(t->uses, json_integer_value(use));
}

/* Made by another implementation: read here, and made again here byte for byte. */
static void golden_tickets(void **state)
{
    json_t *all = vectors_own("golden.json");
    size_t i, minted = 0;
    const json_t *v;

    (void)state;
    json_array_foreach(json_object_get(all, "tickets"), i, v)
    {
        const char *token = text_of(v, "token");
        char *json = NULL, *made = NULL, kid[NHI_KID_MAX + 1];
        struct nhi_ticket t;

        assert_int_equal(nhi_ticket_kid(token, strlen(token), kid), NHI_OK);
        assert_string_equal(kid, text_of(v, "kid"));
        assert_int_equal(nhi_ticket_verify(token, strlen(token), pk, &t), NHI_OK);
        assert_string_equal(t.kid, text_of(v, "kid"));
        check_claims(&t, json_object_get(v, "claims"));
        assert_int_equal(nhi_claims_encode(&t, &json), NHI_OK);
        if (strcmp(text_of(v, "name"), "claims in reverse") == 0)
            assert_string_not_equal(json, text_of(v, "payload"));
        else
            assert_string_equal(json, text_of(v, "payload"));
        if (strlen(token) <= NHI_TICKET_TEXT_MAX) {
            assert_int_equal(nhi_ticket_mint(&t, sk, &made), NHI_OK);
            assert_string_equal(made, token);
            minted++;
        } else {
            assert_int_equal(nhi_ticket_mint(&t, sk, &made), NHI_ERR_TOO_LONG);
            assert_null(made);
        }
        nhi_text_free(json);
        nhi_text_free(made);
    }
    assert_int_equal(i, 5);
    assert_int_equal(minted, 3);
    json_decref(all);
}

/* The right key, but signed for something else. */
static void golden_refusals(void **state)
{
    json_t *all = vectors_own("golden.json");
    const json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(all, "refused"), i, v)
    {
        const char *token = text_of(v, "token"), *name = text_of(v, "name");
        bool implicit = strstr(name, "implicit") != NULL;
        char kid[NHI_KID_MAX + 1] = "unchanged";
        struct nhi_ticket t;

        if (nhi_ticket_verify(token, strlen(token), pk, &t) != (implicit ? NHI_ERR_SIGNATURE : NHI_ERR_FORMAT))
            fail_msg("%s", name);
        if (implicit)
            continue;
        assert_int_equal(nhi_ticket_kid(token, strlen(token), kid), NHI_ERR_FORMAT);
        assert_string_equal(kid, "unchanged");
    }
    assert_int_equal(i, 9);
    json_decref(all);
}

#define A20 "aaaaaaaaaaaaaaaaaaaa"
#define A100 A20 A20 A20 A20 A20

/* A correctly signed ticket except for its footer, which has one form. */
static void other_footers(void **state)
{
    static const char *const bad[] = { "{\"kid\":\"main\"]",
                                       "{\"kid\":\"main'}",
                                       "{\"kid\":\"main\"}\n",
                                       "{\"kid\":\"main\"",
                                       "[\"kid\":\"main\"}",
                                       "{\"kie\":\"main\"}",
                                       "{\"kid\":'main\"}",
                                       "\"kid\":\"main\"}",
                                       "main",
                                       "{\"kid\":\"-main\"}",
                                       "{\"kid\":\"\\u0061\"}",
                                       "{\"kid\":\"a\"b\"}",
                                       "{}",
                                       "{\"kid\":\"\"}",
                                       "{\"kid\":\"}", /* one quote for both */
                                       "{\"kid\":\"" A100 A100 "\"}",
                                       "{\"kid\":\"aaaaaaaaaaaaaaaaa\"}", /* of 17 */
                                       "{\"kid\":\"" };
    struct nhi_ticket t = sample();
    char *json = NULL, *text = NULL, kid[NHI_KID_MAX + 1];

    (void)state;
    assert_int_equal(nhi_claims_encode(&t, &json), NHI_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(nhi_paseto_sign(sk, nhi_piece(json, strlen(json)), nhi_piece(bad[i], strlen(bad[i])),
                                         nhi_piece("nhi-ticket-v1", 13), &text),
                         NHI_OK);
        if (nhi_ticket_kid(text, strlen(text), kid) != NHI_ERR_FORMAT ||
            nhi_ticket_verify(text, strlen(text), pk, &t) != NHI_ERR_FORMAT)
            fail_msg("%s", bad[i]);
        nhi_text_free(text);
    }
    /* A name that ends too early. */
    assert_int_equal(nhi_paseto_sign(sk, nhi_piece(json, strlen(json)), nhi_piece("{\"kid\":\"main\0x\"}", 16),
                                     nhi_piece("nhi-ticket-v1", 13), &text),
                     NHI_OK);
    assert_int_equal(nhi_ticket_kid(text, strlen(text), kid), NHI_ERR_FORMAT);
    nhi_text_free(text);
    nhi_text_free(json);
}

static bool accepted(const char *text, size_t len)
{
    struct nhi_ticket t;

    return nhi_ticket_verify(text, len, pk, &t) == NHI_OK;
}

static void every_bit_flipped(void **state)
{
    struct nhi_ticket t = sample();
    char *text = NULL;
    size_t len;

    (void)state;
    assert_int_equal(nhi_ticket_mint(&t, sk, &text), NHI_OK);
    len = strlen(text);
    assert_true(accepted(text, len));
    for (size_t i = 0; i < len * 8; i++) {
        text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
        if (accepted(text, len))
            fail_msg("bit %zu", i);
        text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
    }
    assert_true(accepted(text, len));
    nhi_text_free(text);
}

static void every_byte_replaced(void **state)
{
    struct nhi_ticket t = sample();
    char *text = NULL;
    size_t len;

    (void)state;
    assert_int_equal(nhi_ticket_mint(&t, sk, &text), NHI_OK);
    len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        char was = text[i];

        for (int c = 0; c < 256; c++) {
            text[i] = (char)c;
            if (text[i] != was && accepted(text, len))
                fail_msg("byte %zu as %d", i, c);
        }
        text[i] = was;
    }
    nhi_text_free(text);
}

/* Copies of the exact length, so that a memory checker sees a read after them. */
static void every_length(void **state)
{
    struct nhi_ticket t = sample();
    char *text = NULL;
    size_t len;

    (void)state;
    assert_int_equal(nhi_ticket_mint(&t, sk, &text), NHI_OK);
    len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        char *cut = malloc(i + 1);

        assert_non_null(cut);
        cut = realloc(memcpy(cut, text, i), i > 0 ? i : 1);
        assert_false(accepted(cut, i));
        free(cut);
        assert_false(accepted(text + len - i, i));
    }
    for (int c = 0; c < 256; c++) {
        char *more = malloc(len + 2);

        assert_non_null(more);
        memcpy(more + 1, text, len);
        more[0] = more[len + 1] = (char)c;
        assert_true(accepted(more + 1, len));
        assert_false(accepted(more, len + 1));
        assert_false(accepted(more + 1, len + 1));
        assert_false(accepted(more, len + 2));
        free(more);
    }
    nhi_text_free(text);
}

static void another_key(void **state)
{
    uint8_t other_pk[NHI_PK_LEN], other_sk[NHI_SK_LEN], zero[NHI_PK_LEN] = { 0 };
    struct nhi_ticket t = sample(), got;
    char *text = NULL;

    (void)state;
    assert_int_equal(nhi_key_generate(other_pk, other_sk), NHI_OK);
    assert_int_equal(nhi_ticket_mint(&t, sk, &text), NHI_OK);
    assert_int_equal(nhi_ticket_verify(text, strlen(text), other_pk, &got), NHI_ERR_SIGNATURE);
    assert_int_equal(nhi_ticket_verify(text, strlen(text), zero, &got), NHI_ERR_SIGNATURE);
    nhi_text_free(text);
}

/* A good signature, but a text that is longer than any that is read. */
static void longest_texts(void **state)
{
    char payload[1024], kid[NHI_KID_MAX + 1], *text;
    struct nhi_ticket t;

    (void)state;
    memset(payload, ' ', sizeof(payload));
    for (size_t len = 600; len < 720; len++) {
        enum nhi_err want;

        text = signed_payload(payload, len);
        want = strlen(text) > NHI_TICKET_READ_MAX ? NHI_ERR_TOO_LONG : NHI_ERR_FORMAT;
        assert_int_equal(nhi_ticket_verify(text, strlen(text), pk, &t), want);
        assert_int_equal(nhi_ticket_kid(text, strlen(text), kid), want == NHI_ERR_TOO_LONG ? NHI_ERR_TOO_LONG : NHI_OK);
        nhi_text_free(text);
    }
    assert_int_equal(nhi_ticket_verify("v4.public.", SIZE_MAX, pk, &t), NHI_ERR_TOO_LONG);
    /* The limit itself, which no text with a name of four letters reaches. */
    assert_int_equal(nhi_paseto_sign(sk, nhi_piece(payload, 680), nhi_piece("{\"kid\":\"main5\"}", 15),
                                     nhi_piece("nhi-ticket-v1", 13), &text),
                     NHI_OK);
    assert_int_equal(strlen(text), NHI_TICKET_READ_MAX);
    assert_int_equal(nhi_ticket_verify(text, strlen(text), pk, &t), NHI_ERR_FORMAT);
    assert_int_equal(nhi_ticket_kid(text, strlen(text), kid), NHI_OK);
    assert_string_equal(kid, "main5");
    nhi_text_free(text);
}

/* Mints with ever more accounts until no more is accepted. Returns the length of the longest text. */
static size_t longest_minted(struct nhi_ticket *t)
{
    size_t i, last = 0;
    char *text;

    memset(t->accounts, 0, sizeof(t->accounts));
    for (i = 0; i < NHI_LIST_MAX; i++) {
        enum nhi_err err;

        /* "a0 a1 … " cut anywhere: only the cuts that are lists can be minted at all. */
        t->accounts[i] = i % 3 == 0 ? (char)('a' + i / 78) : i % 3 == 1 ? (char)('a' + i / 3 % 26) : ' ';
        text = NULL;
        err = nhi_ticket_mint(t, sk, &text);
        if (err == NHI_OK) {
            last = strlen(text);
            assert_true(last <= NHI_TICKET_TEXT_MAX);
            assert_true(accepted(text, last));
        } else {
            assert_null(text);
            assert_int_equal(err, i % 3 == 2 ? NHI_ERR_FORMAT : NHI_ERR_TOO_LONG);
        }
        nhi_text_free(text);
    }
    return last;
}

static void mint_at_the_limit(void **state)
{
    struct nhi_ticket t = sample();
    bool exact = false;

    (void)state;
    /* The key's name is in the footer, so that some length of it makes a text of the greatest length. */
    for (size_t i = 0; i < 8; i++) {
        size_t last = longest_minted(&t);

        assert_true(last > NHI_TICKET_TEXT_MAX - 5);
        exact = exact || last == NHI_TICKET_TEXT_MAX;
        strcat(t.kid, "x");
    }
    assert_true(exact);
}

static void mint_refuses_bad_names(void **state)
{
    static const char *const bad[] = { "", "Main", "-a", ".a", "a b", "a\"", "a/b", "a\n" };
    struct nhi_ticket t;
    char *text = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        t = sample();
        strcpy(t.kid, bad[i]);
        assert_int_equal(nhi_ticket_mint(&t, sk, &text), NHI_ERR_FORMAT);
    }
    t = sample();
    memset(t.kid, 'a', sizeof(t.kid)); /* no NUL */
    assert_int_equal(nhi_ticket_mint(&t, sk, &text), NHI_ERR_FORMAT);
    t = sample();
    strcpy(t.agent, "Builder");
    assert_int_equal(nhi_ticket_mint(&t, sk, &text), NHI_ERR_FORMAT);
    assert_null(text);
}

static void refusal_writes_nothing(void **state)
{
    struct nhi_ticket t, before;
    char *text = signed_payload("{}", 2);

    (void)state;
    memset(&t, 7, sizeof(t));
    memset(&before, 7, sizeof(before));
    assert_int_equal(nhi_ticket_verify(text, strlen(text), pk, &t), NHI_ERR_FORMAT);
    assert_memory_equal(&t, &before, sizeof(t));
    nhi_text_free(text);
    assert_int_equal(nhi_claims_decode("{\"sub\":\"builder\"}", 17, &t), NHI_ERR_FORMAT);
    assert_memory_equal(&t, &before, sizeof(t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_tickets),
        cmocka_unit_test(golden_refusals),
        cmocka_unit_test(other_footers),
        cmocka_unit_test(every_bit_flipped),
        cmocka_unit_test(every_byte_replaced),
        cmocka_unit_test(every_length),
        cmocka_unit_test(another_key),
        cmocka_unit_test(longest_texts),
        cmocka_unit_test(mint_at_the_limit),
        cmocka_unit_test(mint_refuses_bad_names),
        cmocka_unit_test(refusal_writes_nothing),
    };

    return cmocka_run_group_tests_name("ticket", tests, setup, NULL);
}
