/* SPDX-License-Identifier: ISC */
/* What a mistyped word most likely stands for: the beginning of a word before another spelling, and no guess where two
 * are as near. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "nhictl/say/nearest.h"

static void edits(void **state)
{
    char longest[NEAREST_WORD_MAX + 2];

    (void)state;
    assert_int_equal(nearest_edits("", ""), 0);
    assert_int_equal(nearest_edits("", "abc"), 3);
    assert_int_equal(nearest_edits("abc", ""), 3);
    assert_int_equal(nearest_edits("retire", "retire"), 0);
    assert_int_equal(nearest_edits("retir", "retire"), 1);
    assert_int_equal(nearest_edits("retirre", "retire"), 1);
    assert_int_equal(nearest_edits("retyre", "retire"), 1);
    /* Neighbours that are exchanged are one edit, also at both ends. */
    assert_int_equal(nearest_edits("retier", "retire"), 1);
    assert_int_equal(nearest_edits("erture", "retire"), 2);
    assert_int_equal(nearest_edits("ab", "ba"), 1);
    assert_int_equal(nearest_edits("kitten", "sitting"), 3);
    memset(longest, 'x', sizeof(longest));
    longest[NEAREST_WORD_MAX] = '\0';
    assert_int_equal(nearest_edits(longest, longest), 0);
    longest[NEAREST_WORD_MAX] = 'x';
    longest[NEAREST_WORD_MAX + 1] = '\0';
    assert_true(nearest_edits(longest, "x") == SIZE_MAX);
}

/* Offers the words of a list with blanks. */
static struct nearest offer(const char *typed, const char *words)
{
    struct nearest n = { .typed = typed };
    char word[256];

    while (*words != '\0') {
        size_t len = strcspn(words, " ");

        memcpy(word, words, len);
        word[len] = '\0';
        nearest_offer(&n, word);
        words += len + (words[len] != '\0');
    }
    return n;
}

static void one(const char *typed, const char *words, const char *want)
{
    struct nearest n = offer(typed, words);

    assert_int_equal(n.count, want != NULL);
    if (want != NULL)
        assert_string_equal(n.word[0], want);
}

static void beginnings(void **state)
{
    struct nearest n;

    (void)state;
    one("of", "on off status", "off");
    one("sta", "on off status", "status");
    /* It is a beginning of one, and only one edit from another. */
    one("list", "lost listing", "listing");
    /* One letter is not enough. */
    one("s", "status show", NULL);
    n = offer("build-47", "build-4711 build-4712 build-4600");
    assert_int_equal(n.count, 2);
    assert_string_equal(n.word[0], "build-4711");
    assert_string_equal(n.word[1], "build-4712");
    n = offer("build", "build-4711 build-4712 build-4600");
    assert_int_equal(n.count, 3);
}

static void spellings(void **state)
{
    char longest[256];
    struct nearest n;

    (void)state;
    one("ci-bto", "ci-bot other-bot", "ci-bot");
    /* The nearer one, in any order. */
    one("build-4771", "build-4600 build-4711", "build-4711");
    one("build-4771", "build-4711 build-4600", "build-4711");
    /* A fourth of the word: one edit in four letters, two in five. */
    one("abxx", "abcd", NULL);
    one("abcx", "abcd", "abcd");
    one("abcxx", "abcde", "abcde");
    one("axxxx", "abcde", NULL);
    n = offer("shop", "show stop");
    assert_int_equal(n.count, 2);
    one("", "a ab", NULL);
    memset(longest, 'y', sizeof(longest));
    longest[NEAREST_WORD_MAX + 1] = '\0';
    one("yyyy", longest, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits),
        cmocka_unit_test(beginnings),
        cmocka_unit_test(spellings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
