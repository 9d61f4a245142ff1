/* SPDX-License-Identifier: ISC */
/* The line of an event and its hash: the same in every release, and one harmless line whatever it has in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/ledger/event.h"

#define BIG 65536

static const struct nhi_event whole = {
    .seq = 7,
    .at = 1800000000,
    .kind = "grant",
    .host = "host.example.org",
    .agent = "ci-bot",
    .owner = "J\xc3\xb6rg <ops@example.org>",
    .task = "build-1",
    .jti = "AAAAAAAAAAAAAAAAAAAAAQ",
    .kid = "k1",
    .account = "deploy",
    .service = "sshd",
    .source = "prompt",
    .from = "192.0.2.7",
    .decision = "permit",
    .reason = "permit",
    .rule = "ci",
    .policy = "00112233445566778899aabbccddeeff",
    .proof = "bearer",
    .record = "BBBBBBBBBBBBBBBBBBBBBB",
    .within = "CCCCCCCCCCCCCCCCCCCCCC",
    .session = "a-0f5c21d8-57",
    .cause = "said \"stop\"",
    .detail = "{\"uid\":0}",
    .prev = NHI_NO_EVENT,
};

/* What can be verified today must be verified for ever: this line must not change. Its hash is the output of printf %s
 * LINE | sed 's/,"hash":"[0-9a-f]*"}$/}/' | b2sum -l 256. */
static void golden(void **state)
{
    struct nhi_event e = whole;
    char *line;

    (void)state;
    assert_int_equal(nhi_event_hash(&e, e.hash), NHI_OK);
    line = nhi_event_line(&e);
    assert_string_equal(
        line, "{\"seq\":7,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"grant\",\"host\":\"host.example.org\","
              "\"agent\":\"ci-bot\",\"owner\":\"J\\u00f6rg <ops@example.org>\",\"task\":\"build-1\","
              "\"ticket\":\"AAAAAAAAAAAAAAAAAAAAAQ\",\"issuer\":\"k1\",\"account\":\"deploy\","
              "\"service\":\"sshd\",\"source\":\"prompt\",\"from\":\"192.0.2.7\",\"decision\":\"permit\","
              "\"reason\":\"permit\",\"rule\":\"ci\",\"policy\":\"00112233445566778899aabbccddeeff\","
              "\"proof\":\"bearer\",\"record\":\"BBBBBBBBBBBBBBBBBBBBBB\",\"within\":\"CCCCCCCCCCCCCCCCCCCCCC\","
              "\"session\":\"a-0f5c21d8-57\",\"cause\":\"said \\\"stop\\\"\",\"detail\":{\"uid\":0},"
              "\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\","
              "\"hash\":\"9126ef9a853aeb23bbf985d79b95a884dd0fd38ae00979d95c684049c2a433e7\"}");
    free(line);
}

static void empty_members_are_left_out(void **state)
{
    struct nhi_event e = { .seq = 1, .kind = "init", .detail = "{}", .prev = NHI_NO_EVENT };
    char *line;

    (void)state;
    assert_int_equal(nhi_event_hash(&e, e.hash), NHI_OK);
    line = nhi_event_line(&e);
    assert_string_equal(
        line,
        "{\"seq\":1,\"at\":\"1970-01-01T00:00:00Z\",\"kind\":\"init\",\"prev\":\"0000000000000000"
        "000000000000000000000000000000000000000000000000\",\"hash\":\"e26d6494069c2c5014622f3cd55b29b08add1b87fc064f418bd8e8e79114c8be\"}");
    free(line);
}

static void is_one_harmless_line(const char *line)
{
    const char *p;
    json_t *o;

    for (p = line; *p != '\0'; p++)
        assert_true(*p >= ' ' && *p <= '~');
    o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    json_decref(o);
}

static void hostile(void **state)
{
    static const char *const values[] = {
        "two\nlines",
        "\033[2J\033]0;x\007",
        "\xe2\x80\xae"
        "gnitirw",
        "%n%s%n",
        "\"},{\"seq\":9",
        "\\\"\\",
        "\xff\xfe torn \xe2\x80",
        "\x7f\x01\xc2\x9b"
        "31m",
        "\xf0\x9f\xa4\x96",
        "back\\u0041slash",
    };
    struct nhi_event e = { .seq = 1, .prev = NHI_NO_EVENT };
    char *line, detail[200];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        snprintf(e.owner, sizeof(e.owner), "%s", values[i]);
        snprintf(e.cause, sizeof(e.cause), "%s", values[i]);
        line = nhi_event_line(&e);
        is_one_harmless_line(line);
        free(line);
    }
    /* A detail is JSON, which may have unescaped characters other than ASCII and quotes. */
    snprintf(detail, sizeof(detail), "{\"x\":\"%s%s\"}", values[0], values[2]);
    e.detail = detail;
    line = nhi_event_line(&e);
    is_one_harmless_line(line);
    assert_non_null(strstr(line, "\"detail\":{\"x\":\"two\\u000alines\\u202egnitirw\"}"));
    free(line);
}

static void text_comes_back(void **state)
{
    const char *text = "\xf0\x9f\xa4\x96 J\xc3\xb6rg \xe2\x80\xae \"\\ \001";
    char quoted[NHI_QUOTED_MAX(64)], json[NHI_QUOTED_MAX(64) + 2];
    json_t *o;

    (void)state;
    nhi_text_quote(text, quoted);
    snprintf(json, sizeof(json), "\"%s\"", quoted);
    o = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(o);
    assert_string_equal(json_string_value(o), text);
    json_decref(o);
}

static void as_large_as_it_gets(void **state)
{
    struct nhi_event e = whole;
    char *detail = malloc(BIG + 9), *line;

    (void)state;
    assert_non_null(detail);
    memcpy(detail, "{\"x\":\"", 6);
    memset(detail + 6, '\n', BIG);
    memcpy(detail + 6 + BIG, "\"}", 3);
    memset(e.owner, '\001', sizeof(e.owner) - 1);
    memset(e.cause, '"', sizeof(e.cause) - 1);
    e.detail = detail;
    assert_int_equal(nhi_event_hash(&e, e.hash), NHI_OK);
    line = nhi_event_line(&e);
    is_one_harmless_line(line);
    assert_true(strlen(line) > 6 * BIG);
    free(line);
    free(detail);
}

/* Whatever is changed, the hash changes. */
static void every_member_counts(void **state)
{
    static const size_t at[] = {
        offsetof(struct nhi_event, kind),    offsetof(struct nhi_event, host),    offsetof(struct nhi_event, agent),
        offsetof(struct nhi_event, owner),   offsetof(struct nhi_event, task),    offsetof(struct nhi_event, jti),
        offsetof(struct nhi_event, kid),     offsetof(struct nhi_event, account), offsetof(struct nhi_event, service),
        offsetof(struct nhi_event, source),  offsetof(struct nhi_event, from),    offsetof(struct nhi_event, decision),
        offsetof(struct nhi_event, reason),  offsetof(struct nhi_event, rule),    offsetof(struct nhi_event, policy),
        offsetof(struct nhi_event, proof),   offsetof(struct nhi_event, record),  offsetof(struct nhi_event, within),
        offsetof(struct nhi_event, session), offsetof(struct nhi_event, cause),   offsetof(struct nhi_event, prev),
    };
    char is[NHI_DIGEST_LEN + 1], was[NHI_DIGEST_LEN + 1];
    struct nhi_event e = whole;

    (void)state;
    assert_int_equal(nhi_event_hash(&whole, was), NHI_OK);
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        e = whole;
        ((char *)&e)[at[i]] ^= 1;
        assert_int_equal(nhi_event_hash(&e, is), NHI_OK);
        assert_string_not_equal(is, was);
        e = whole;
        ((char *)&e)[at[i]] = '\0';
        assert_int_equal(nhi_event_hash(&e, is), NHI_OK);
        assert_string_not_equal(is, was);
    }
    e = whole;
    e.seq++;
    assert_int_equal(nhi_event_hash(&e, is), NHI_OK);
    assert_string_not_equal(is, was);
    e = whole;
    e.at++;
    assert_int_equal(nhi_event_hash(&e, is), NHI_OK);
    assert_string_not_equal(is, was);
    e = whole;
    e.detail = "{\"uid\":1}";
    assert_int_equal(nhi_event_hash(&e, is), NHI_OK);
    assert_string_not_equal(is, was);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),
        cmocka_unit_test(empty_members_are_left_out),
        cmocka_unit_test(hostile),
        cmocka_unit_test(text_comes_back),
        cmocka_unit_test(as_large_as_it_gets),
        cmocka_unit_test(every_member_counts),
    };

    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
