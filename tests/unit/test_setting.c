/* SPDX-License-Identifier: ISC */
/*
 * Each setting, by the table: the line and the ledger keep it, and a line that this release would not have written is
 * refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/setting.h"
#include "tests/lib/state.h"

/* A value other than that of an empty nhi.conf. */
static int64_t other(const struct nhi_setting *one)
{
    return one->unwritten == 1 ? 2 : 1;
}

static void assert_same(const struct nhi_settings *a, const struct nhi_settings *b)
{
    for (const struct nhi_setting *one = nhi_setting_table; one->key != NULL; one++)
        assert_int_equal(nhi_setting_get(a, one), nhi_setting_get(b, one));
}

static void each_is_kept(void **state)
{
    (void)state;
    for (const struct nhi_setting *one = nhi_setting_table; one->key != NULL; one++) {
        struct nhi_settings set, read;
        char line[NHI_SETTING_LINE_MAX + 1];
        struct nhi_ledger *l = state_begin();

        assert_int_equal(nhi_ledger_settings(l, &set), NHI_OK);
        nhi_settings_unwritten(&set);
        nhi_setting_line_format(&set, line);
        assert_string_equal(line, "");
        nhi_setting_put(&set, one, other(one));
        assert_int_equal(nhi_setting_get(&set, one), other(one));
        nhi_setting_line_format(&set, line);
        assert_memory_equal(line, one->key, strlen(one->key));
        assert_int_equal(line[strlen(one->key)], '=');
        assert_int_equal(nhi_ledger_set(l, &set), NHI_OK);
        assert_int_equal(nhi_ledger_settings(l, &read), NHI_OK);
        state_end(l);
        assert_same(&read, &set);
        assert_string_equal(read.host, STATE_HOST);
    }
}

static void all_together(void **state)
{
    struct nhi_settings set = { .host = "" }, read = { .host = "" };
    char line[NHI_SETTING_LINE_MAX + 1];
    size_t rows = 0, blanks = 0;

    (void)state;
    for (const struct nhi_setting *one = nhi_setting_table; one->key != NULL; one++, rows++) {
        assert_true(one->unwritten <= one->max);
        assert_int_equal(one->kind == NHI_SETTING_FLAG, one->words[0] != NULL);
        assert_int_equal(one->kind == NHI_SETTING_FLAG, one->words[1] != NULL);
        for (const struct nhi_setting *before = nhi_setting_table; before < one; before++) {
            assert_string_not_equal(before->key, one->key);
            assert_int_not_equal(before->at, one->at);
        }
        nhi_setting_put(&set, one, one->max);
    }
    nhi_setting_line_format(&set, line);
    for (const char *c = line; *c != '\0'; c++)
        blanks += *c == ' ';
    assert_int_equal(blanks, rows - 1);
    assert_int_equal(nhi_setting_line_parse(line, &read), NHI_OK);
    assert_same(&read, &set);
}

static void no_line(void **state)
{
    static const char *const lines[] = {
        "colour=1",
        "grace",
        "grace=",
        "grace=-1",
        "grace=1x",
        "grace=01",
        "grace=3601",
        "grace=99999999999999999999",
        /* Values of an empty nhi.conf are never written. */
        "grace=5",
        "pin=refuse",
        "pin=1",
        "pin=",
        "warn=0",
        /* Another order, twice, and blanks. */
        "grace=1 pin=record",
        "grace=1 grace=1",
        "pin=record grace=1 grace=2",
        " grace=1",
        "grace=1 ",
        "pin=record  grace=1",
        "pin=record\tgrace=1",
    };
    char line[NHI_SETTING_LINE_MAX + 3];
    struct nhi_settings set;

    (void)state;
    assert_int_equal(nhi_setting_line_parse("pin=record grace=0", &set), NHI_OK);
    assert_true(set.pin_records);
    assert_int_equal(set.grace, 0);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        if (nhi_setting_line_parse(lines[i], &set) != NHI_ERR_CORRUPT)
            fail_msg("'%s' was read", lines[i]);
    for (size_t len = NHI_SETTING_LINE_MAX; len < sizeof(line); len++) {
        memset(line, ' ', sizeof(line));
        line[len] = '\0';
        assert_int_equal(nhi_setting_line_parse(line, &set), NHI_ERR_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_is_kept, state_ready),
        cmocka_unit_test(all_together),
        cmocka_unit_test(no_line),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("setting", tests, NULL, NULL);
}
