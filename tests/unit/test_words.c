/* SPDX-License-Identifier: ISC */
/* A line as words: blanks, quotes and backslashes as in a shell; nothing is written behind the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "nhictl/say/words.h"

#define ROOM 6

/* want: the words with | between them; NULL: the line is refused. */
static void splits(const char *text, const char *want)
{
    char *line = strdup(text), first[] = "nhictl", *words[ROOM] = { first }, got[64] = "";
    size_t count = 0;
    bool ok;

    assert_non_null(line);
    ok = words_split(line, words, 1, ROOM, &count);
    assert_int_equal(ok, want != NULL);
    if (ok) {
        assert_null(words[count]);
        assert_string_equal(words[0], "nhictl");
        for (size_t i = 1; i < count; i++) {
            strcat(got, i > 1 ? "|" : "");
            strcat(got, words[i]);
        }
        assert_string_equal(got, want);
    }
    free(line);
}

static void words(void **state)
{
    (void)state;
    splits("", "");
    splits(" \t ", "");
    splits("a", "a");
    splits(" a  b\tc\r", "a|b|c");
    splits("--reason 'two words' x", "--reason|two words|x");
    splits("\"it's\" 'say \"no\"'", "it's|say \"no\"");
    splits("a'b c'd\"e f\"", "ab cde f");
    splits("a\\ b \\' \"\\\"\" '\\'", "a b|'|\"|\\");
    splits("'' x", "|x");
    splits("a\\", "a\\");
    splits("'a", NULL);
    splits("a\"", NULL);
    splits("1 2 3 4", "1|2|3|4");
    splits("1 2 3 4 5", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(words) };

    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
