/* SPDX-License-Identifier: ISC */
/* The grammar of every name. */
/* Invariants: 13, 15. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/names.h"
#include "libnhi/policy/rule.h"
#include "libnhi/ticket/ticket.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

struct grammar {
    const char *what, *first, *rest;
    size_t max;
    bool (*ok)(const char *);
};

/* Written a second time, from names.h. A host is less than this: see hosts. */
static const struct grammar grammars[] = {
    { "agent", LOWER, LOWER DIGIT "_-", 32, nhi_name_is_agent },
    { "account", LOWER UPPER "_", LOWER UPPER DIGIT "._-", 32, nhi_name_is_account },
    { "service", LOWER UPPER DIGIT, LOWER UPPER DIGIT "._@-", 32, nhi_name_is_service },
    { "kid", LOWER DIGIT, LOWER DIGIT "._-", 16, nhi_name_is_kid },
    { "task", LOWER UPPER DIGIT "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", LOWER UPPER DIGIT "!#$%&'()*+,-./:;<=>?@[]^_`{|}~",
      64, nhi_name_is_task },
};

/* A copy of the exact size, so that a memory checker sees a read after it. */
static bool ask(bool (*ok)(const char *), const char *s)
{
    char *copy = strdup(s);
    bool answer;

    assert_non_null(copy);
    answer = ok(copy);
    free(copy);
    return answer;
}

static void every_byte_in_every_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(grammars) / sizeof(grammars[0]); i++) {
        const struct grammar *g = &grammars[i];

        for (size_t at = 0; at < 3; at++) {
            for (int c = 1; c < 256; c++) {
                char s[4] = "aaa";

                s[at] = (char)c;
                if (ask(g->ok, s) != (strchr(at == 0 ? g->first : g->rest, c) != NULL))
                    fail_msg("%s, byte %d at %zu", g->what, c, at);
            }
        }
    }
}

static void every_length(void **state)
{
    char s[300];

    (void)state;
    for (size_t i = 0; i < sizeof(grammars) / sizeof(grammars[0]); i++) {
        for (size_t len = 0; len < sizeof(s); len++) {
            memset(s, 'a', len);
            s[len] = '\0';
            if (ask(grammars[i].ok, s) != (len >= 1 && len <= grammars[i].max))
                fail_msg("%s of %zu", grammars[i].what, len);
        }
        assert_false(grammars[i].ok(NULL));
    }
    assert_false(nhi_name_is_host(NULL));
    assert_false(nhi_name_is_jti(NULL));
    assert_false(nhi_name_is_text(NULL, 1));
}

static void names_with_a_meaning(void **state)
{
    static const char *const bad[] = { ".",   "..",       "-",        "-rf",       "/", "a/b", "a:b", "a\nb", "a b",
                                       "a\t", "a\x1b[0m", "\xc3\xa9", "a\xc3\xa9", "*", "a,b", " a",  "a " };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (size_t k = 0; k < 4; k++) /* all but the task, which may have punctuation */
            if (ask(grammars[k].ok, bad[i]))
                fail_msg("%s: %s", grammars[k].what, bad[i]);
        assert_false(ask(nhi_name_is_host, bad[i]));
    }
}

static void hosts(void **state)
{
    static const char *const good[] = { "a", "web1", "web1.example.org", "1.2.3.4", "a-b", "xn--a" };
    static const char *const bad[] = { "",  ".",   "a.",  ".a",  "a..b", "-a",  "a-",  "a.-b", "a-.b",
                                       "A", "a_b", "a b", "a:1", "::1",  "[a]", "a\n", "*.a",  "a/b" };
    char s[512];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(ask(nhi_name_is_host, good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (ask(nhi_name_is_host, bad[i]))
            fail_msg("%s", bad[i]);
    for (int c = 1; c < 256; c++) {
        char mid[] = "a?a";

        mid[1] = (char)c;
        assert_int_equal(ask(nhi_name_is_host, mid), strchr(LOWER DIGIT ".-", c) != NULL);
    }
    for (size_t len = 1; len < 70; len++) {
        memset(s, 'a', len);
        s[len] = '\0';
        assert_int_equal(ask(nhi_name_is_host, s), len <= 63);
        memcpy(s + len, ".b", 3);
        assert_int_equal(ask(nhi_name_is_host, s), len <= 63);
    }
    for (size_t len = 1; len < 300; len++) {
        for (size_t i = 0; i < len; i++)
            s[i] = i % 2 == 0 ? 'a' : '.';
        s[len] = '\0';
        assert_int_equal(ask(nhi_name_is_host, s), len % 2 == 1 && len <= 253);
    }
}

static void ticket_ids(void **state)
{
    const char *set = LOWER UPPER DIGIT "_-";
    char s[32];

    (void)state;
    for (size_t len = 0; len < 30; len++) {
        memset(s, 'A', len);
        s[len] = '\0';
        assert_int_equal(ask(nhi_name_is_jti, s), len == 22);
    }
    memset(s, 'A', 22);
    s[22] = '\0';
    for (int c = 1; c < 256; c++) {
        s[0] = (char)c;
        assert_int_equal(ask(nhi_name_is_jti, s), strchr(set, c) != NULL);
        s[0] = 'A';
        s[21] = (char)c;
        assert_int_equal(ask(nhi_name_is_jti, s), strchr("AQgw", c) != NULL);
        s[21] = 'A';
    }
}

/* None of a thousand looks like an option; without a check, sixteen would. */
static void new_ids(void **state)
{
    char id[NHI_JTI_LEN + 1], last[NHI_JTI_LEN + 1] = "";

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(nhi_id_new(id), NHI_OK);
        assert_true(nhi_name_is_jti(id));
        assert_int_not_equal(id[0], '-');
        assert_string_not_equal(id, last);
        memcpy(last, id, sizeof(last));
    }
}

static bool is_text(const char *s)
{
    return nhi_name_is_text(s, 8);
}

/* Writes one code point as UTF-8, in len bytes, whether or not that is the right number. */
static void put_utf8(uint32_t c, size_t len, char *out)
{
    static const unsigned char head[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    out[len] = '\0';
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(head[len] | c);
}

static bool may_be_shown(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0xd800 && c <= 0xdfff))
        return false;
    return !(c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
             c == 0xfeff);
}

static void every_code_point(void **state)
{
    char s[8];

    (void)state;
    for (uint32_t c = 1; c <= 0x1fffff; c++) {
        size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

        put_utf8(c, len, s);
        if (nhi_name_is_text(s, 8) != (c <= 0x10ffff && may_be_shown(c)))
            fail_msg("U+%04X", (unsigned)c);
        /* Overlong forms are other bytes for the same character. */
        for (len++; len <= 4; len++) {
            put_utf8(c, len, s);
            if (nhi_name_is_text(s, 8))
                fail_msg("U+%04X in %zu bytes", (unsigned)c, len);
        }
    }
}

static void free_text(void **state)
{
    static const char *const bad[] = { "",     "\xc3",    "\xe2\x82",  "\xf0\x9f\x98",   "\x80",
                                       "\xff", "\xfe",    "a\xc3",     "a\xc3z",         "\xf8\x88\x80\x80\x80",
                                       "a\nb", "\x1b[0m", "123456789", "1234567\xc3\xa9" };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (ask(is_text, bad[i]))
            fail_msg("number %zu", i);
    assert_true(ask(is_text, "12345678"));
    assert_true(ask(is_text, "123456\xc3\xa9"));
    assert_true(ask(is_text, " "));
}

static bool is_list(const char *s)
{
    return nhi_list_is_valid(s, nhi_name_is_agent);
}

static void lists(void **state)
{
    static const char *const good[] = { "a", "a b", "ab abc a b", "a aa aaa" };
    static const char *const bad[] = { "",      " ",       "  ",  " a",   "a ",   "a  b", "a b ", " a b", "a a",
                                       "a b a", "ab b ab", "a,b", "a\tb", "a\nb", "A",    "a B",  "a b\n" };
    char s[300];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(ask(is_list, good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (ask(is_list, bad[i]))
            fail_msg("'%s'", bad[i]);
    assert_false(nhi_list_is_valid(NULL, nhi_name_is_agent));
    for (size_t len = 1; len < sizeof(s); len++) {
        for (size_t i = 0; i < len; i++)
            s[i] = (char)(i % 3 == 2 ? ' ' : 'a' + (i % 3 == 0 ? i / 78 : i / 3 % 26));
        s[len] = '\0';
        if (len % 3 != 0)
            assert_int_equal(ask(is_list, s), len <= NHI_LIST_MAX);
    }
    memset(s, 'a', 299);
    s[299] = '\0';
    assert_false(ask(is_list, s));
}

static void words_of_a_list(void **state)
{
    char word[NHI_LIST_MAX + 1];
    const char *at = "ab c abc";

    (void)state;
    assert_true(nhi_list_has("ab c abc", "ab"));
    assert_true(nhi_list_has("ab c abc", "c"));
    assert_true(nhi_list_has("ab c abc", "abc"));
    assert_false(nhi_list_has("ab c abc", "a"));
    assert_false(nhi_list_has("ab c abc", "b"));
    assert_false(nhi_list_has("ab c abc", "ab c"));
    assert_false(nhi_list_has("ab c abc", "AB"));
    assert_false(nhi_list_has("ab c abc", "abcd"));
    /* Empty matches nobody. */
    assert_false(nhi_list_has("ab c abc", ""));
    assert_false(nhi_list_has("", ""));
    assert_false(nhi_list_has("", "a"));
    assert_false(nhi_list_has(" ", ""));
    assert_false(nhi_list_has(" ", " "));
    assert_false(nhi_list_has(NULL, "a"));
    assert_false(nhi_list_has("a", NULL));

    at = nhi_list_next(at, word);
    assert_string_equal(word, "ab");
    at = nhi_list_next(at, word);
    assert_string_equal(word, "c");
    at = nhi_list_next(at, word);
    assert_string_equal(word, "abc");
    assert_non_null(at);
    assert_null(nhi_list_next(at, word));
    assert_null(nhi_list_next(NULL, word));
    assert_null(nhi_list_next(" a", word));
}

static void owner(void **state)
{
    static const char *const good[] = { "o", "ops@example.org", "Team A, night shift", "Zo\xc3\xab", "\xe6\x9d\x8e" };
    static const char *const bad[] = { "",
                                       " ",
                                       " o",
                                       "o ",
                                       "o\xc2\xa0",
                                       "a\xc2\xa0"
                                       "b",
                                       "\xe3\x80\x80o",
                                       "o\xe2\x80\x8b",
                                       "\xe2\x80\x8do",
                                       "a\xc2\xad"
                                       "b",
                                       "\xef\xbb\xbfo",
                                       "\xe3\x85\xa4",
                                       "o\xef\xb8\x8f",
                                       "o\xe2\x81\xa0",
                                       "o\xf3\xa0\x81\xa1",
                                       "o\n",
                                       "o\xff" };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(nhi_name_is_owner(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(nhi_name_is_owner(bad[i]));
    assert_false(nhi_name_is_owner(NULL));
}

/* A pattern is as long as the names that it may match. */
static void patterns(void **state)
{
    char s[2 * NHI_TASK_MAX];

    (void)state;
    for (size_t len = 0; len < sizeof(s); len++) {
        memset(s, '?', len);
        s[len] = '\0';
        assert_int_equal(nhi_pattern_is_task(s), len > 0 && len <= NHI_TASK_MAX);
        assert_int_equal(nhi_pattern_is_agent(s), len > 0 && len <= NHI_AGENT_MAX);
    }
    assert_true(nhi_pattern_is_agent("*-bot"));
    assert_false(nhi_pattern_is_agent("A*"));
    assert_true(nhi_pattern_is_task("CHG-*"));
    assert_false(nhi_pattern_is_task("a b*"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner),           cmocka_unit_test(every_byte_in_every_place),
        cmocka_unit_test(every_length),    cmocka_unit_test(names_with_a_meaning),
        cmocka_unit_test(hosts),           cmocka_unit_test(ticket_ids),
        cmocka_unit_test(new_ids),         cmocka_unit_test(every_code_point),
        cmocka_unit_test(free_text),       cmocka_unit_test(lists),
        cmocka_unit_test(words_of_a_list), cmocka_unit_test(patterns),
    };

    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
