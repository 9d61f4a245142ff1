/* SPDX-License-Identifier: ISC */
/*
 * Our own reader of claims beside jansson: random payloads, in any order and with any escapes, and payloads that were
 * changed at random. Both accept the same ones, and read the same claims from them.
 * Invariants: 8, 13.
 *
 * CLAIMS_ROUNDS in the environment: how many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/ticket/claims.h"
#include "tests/lib/judge.h"
#include "tests/lib/state.h"

#define ROUNDS 40000
#define TEXT_MAX 3000

static uint32_t below(uint32_t n)
{
    return state_random() % n;
}

/* ---- payloads that may be right ---- */

struct text {
    char bytes[TEXT_MAX + 64];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(t->bytes + t->len, sizeof(t->bytes) - t->len, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof(t->bytes) - t->len)
        t->len += (size_t)n;
}

/* A string, some of whose characters are escaped in one of the ways that JSON has. */
static void add_string(struct text *t, const char *value)
{
    const unsigned some = below(8) == 0 ? 3 : 1000000;

    add(t, "\"");
    for (; *value != '\0'; value++)
        if (below(some) != 0)
            add(t, "%c", *value);
        else if (*value == '/' && below(2) == 0)
            add(t, "\\/");
        else
            add(t, below(2) == 0 ? "\\u%04x" : "\\u%04X", (unsigned char)*value);
    add(t, "\"");
}

static const char *one_of(const char *const *all, size_t count)
{
    return all[below((uint32_t)count)];
}
#define ONE_OF(list) one_of(list, sizeof(list) / sizeof((list)[0]))

static const char *const jtis[] = { "AAECAwQFBgcICQoLDA0ODw", "AAAAAAAAAAAAAAAAAAAAAA", "______________________",
                                    "short", "" };
static const char *const agents[] = { "ci-bot", "b", "a-very-long-name-of-an-agent-1234", "Ci", "ci bot" };
static const char *const tasks[] = { "build-1", "CHG/4711", "a:b", "x y", "\"quoted\"", "back\\slash", "t\x7f" };
static const char *const hosts[] = { "host.example.org", "h", "Host", "-h", "a..b" };
static const char *const accounts[] = { "ci-bot", "ci-bot deploy", "*", "a,b", " a", "a  b", "" };
static const char *const services[] = { "sshd", "sshd sudo su cron", "sshd,sudo", "*" };
static const char *const begins[] = { "2026-11-23T22:05:00Z", "2026-11-23T22:06:00Z", "1970-01-01T00:00:00Z", "2026" };
static const char *const ends[] = { "2026-11-23T23:05:00Z", "9999-12-31T23:59:59Z", "2026-11-23 22:05:00Z",
                                    "2026-02-30T00:00:00Z", "2026-11-23T22:05:00Z" };
static const char *const keys[] = { "JUO5L_EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ0",
                                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x" };
static const char *const options[] = { "no-pty", "no-pty no-agent-forwarding", "no-x", "" };
static const char *const numbers[] = {
    "1",  "3",    "0",  "-1",    "01",   "1.0",  "1e0", "4294967296", "18446744073709551617",
    "-0", "1000", "+1", "\"3\"", "true", "null", "[1]", "{}"
};

struct claim {
    const char *name;
    const char *const *values;
    size_t count, good; /* good: the first ones are right */
    bool optional;
};
#define VALUES(list) list, sizeof(list) / sizeof((list)[0])

static const struct claim claims[] = {
    { "jti", VALUES(jtis), 2, false },   { "sub", VALUES(agents), 2, false },   { "task", VALUES(tasks), 1, false },
    { "aud", VALUES(hosts), 2, false },  { "acc", VALUES(accounts), 2, false }, { "svc", VALUES(services), 2, false },
    { "iat", VALUES(begins), 2, false }, { "exp", VALUES(ends), 2, false },     { "nbf", VALUES(begins), 2, true },
    { "cnf", VALUES(keys), 1, true },    { "use", VALUES(numbers), 2, true },   { "par", VALUES(jtis), 2, true },
    { "ssh", VALUES(options), 2, true },
};
#define CLAIMS (sizeof(claims) / sizeof(claims[0]))

static void add_claim(struct text *t, const struct claim *c, bool right)
{
    const char *value = c->values[below((uint32_t)(right ? c->good : c->count))];

    if (t->len > 1)
        add(t, ",");
    add_string(t, c->name);
    add(t, ":");
    if (c->values == numbers)
        add(t, "%s", value);
    else
        add_string(t, value);
}

/* Mostly right, so that what follows is read at all. */
static void make(struct text *t)
{
    const bool right = below(2) == 0;
    size_t order[CLAIMS];

    t->len = 0;
    add(t, "{");
    for (size_t i = 0; i < CLAIMS; i++)
        order[i] = i;
    for (size_t i = CLAIMS - 1; i > 0 && below(2) == 0; i--) {
        size_t j = below((uint32_t)i + 1), was = order[i];

        order[i] = order[j];
        order[j] = was;
    }
    for (size_t i = 0; i < CLAIMS; i++) {
        const struct claim *c = &claims[order[i]];

        if (c->optional && below(2) == 0)
            continue;
        if (right || below(40) != 0)
            add_claim(t, c, right || below(12) != 0);
        if (!right && below(200) == 0)
            add_claim(t, c, true);
    }
    if (!right && below(50) == 0)
        add(t, ",\"x\":1");
    add(t, "}");
}

/* ---- and what is changed in them ---- */

static void change(struct text *t)
{
    static const char *const pieces[] = { "\"",       "\\",   "\\u0000", "\\ud83d\\ude00",
                                          "\\ud800",  ",",    ":",       "{",
                                          "}",        "[",    "]",       " ",
                                          "\t",       "\n",   "\\n",     "\\/",
                                          "\\",       "0",    "e",       "\xc3",
                                          "\xc3\xa9", "\x7f", "",        "\\u00",
                                          "\\u0041",  "null", "//",      "/*",
                                          "'",        "-",    ".",       "\\\"",
                                          "\\x" };
    const char *piece = ONE_OF(pieces);
    size_t at = below((uint32_t)t->len + 1), gone = below(4) == 0 ? below(8) : below(2), len = strlen(piece);

    if (gone > t->len - at)
        gone = t->len - at;
    if (t->len + len > TEXT_MAX)
        return;
    memmove(t->bytes + at + len, t->bytes + at + gone, t->len - at - gone);
    memcpy(t->bytes + at, piece, len);
    t->len = t->len - gone + len;
    if (below(20) == 0 && t->len > 0)
        t->bytes[below((uint32_t)t->len)] = (char)below(256);
    if (below(20) == 0)
        t->len -= below((uint32_t)t->len + 1);
}

/* ---- the comparison ---- */

/* Each payload has memory of its own, so that a checker sees a reader that goes past its end. */
static bool compare(const struct text *t)
{
    struct nhi_ticket ours, theirs;
    enum nhi_err a, b;
    char *copy = malloc(t->len + 1);

    assert_non_null(copy);
    memcpy(copy, t->bytes, t->len);
    memset(&ours, 0, sizeof(ours));
    memset(&theirs, 0, sizeof(theirs));
    copy = realloc(copy, t->len != 0 ? t->len : 1);
    assert_non_null(copy);
    a = nhi_claims_decode(copy, t->len, &ours);
    b = judge_claims(copy, t->len, &theirs);
    if (a != b || memcmp(&ours, &theirs, sizeof(ours)) != 0)
        fail_msg("ours %d, jansson %d: %.*s", (int)a, (int)b, (int)t->len, t->bytes);
    free(copy);
    return a == NHI_OK;
}

static unsigned long rounds(void)
{
    const char *text = getenv("CLAIMS_ROUNDS");

    return text != NULL ? strtoul(text, NULL, 10) : ROUNDS;
}

static void test_random(void **state)
{
    unsigned long accepted = 0, changed = 0, n = rounds();
    struct text t;

    (void)state;
    for (unsigned long i = 0; i < n; i++) {
        make(&t);
        accepted += compare(&t);
        for (uint32_t changes = below(3); changes > 0; changes--)
            change(&t);
        changed += compare(&t);
    }
    print_message("%lu of %lu accepted as made, %lu after changes\n", accepted, n, changed);
    /* Or the two would only agree about what is no payload at all. */
    assert_true(accepted > n / 8);
    assert_true(changed > n / 20);
}

/* Each single byte of a right payload, changed to each other one, left out, or doubled. */
static void test_each_byte(void **state)
{
    static const char whole[] =
        "{\"jti\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"ci-bot\",\"task\":\"build-1\",\"aud\":\"h\","
        "\"acc\":\"ci-bot\",\"svc\":\"sshd\",\"iat\":\"2026-11-23T22:05:00Z\","
        "\"exp\":\"2026-11-23T23:05:00Z\",\"use\":12,\"par\":\"AAECAwQFBgcICQoLDA0ODw\"}";
    const size_t len = sizeof(whole) - 1;
    struct text t;
    unsigned accepted = 0;

    (void)state;
    for (size_t at = 0; at < len; at++) {
        for (unsigned c = 0; c < 256; c++) {
            memcpy(t.bytes, whole, len);
            t.len = len;
            t.bytes[at] = (char)c;
            accepted += compare(&t);
        }
        memcpy(t.bytes, whole, at);
        memcpy(t.bytes + at, whole + at + 1, len - at - 1);
        t.len = len - 1;
        accepted += compare(&t);
        memcpy(t.bytes + at, whole + at, 1);
        memcpy(t.bytes + at + 1, whole + at, len - at);
        t.len = len + 1;
        accepted += compare(&t);
        t.len = at;
        memcpy(t.bytes, whole, at);
        accepted += compare(&t);
    }
    assert_true(accepted > len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_byte),
        cmocka_unit_test(test_random),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("claims_judge", tests, NULL, NULL);
}
