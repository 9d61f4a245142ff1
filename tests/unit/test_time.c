/* SPDX-License-Identifier: ISC */
/* Time as text: compared with the C library's calendar, and malformed texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "libnhi/base/time.h"
#include "libnhi/ticket/ticket.h"

static void check(int64_t t)
{
    char want[NHI_TIME_LEN + 1], got[NHI_TIME_LEN + 1];
    time_t at = (time_t)t;
    int64_t back = -1;
    struct tm tm;

    assert_non_null(gmtime_r(&at, &tm));
    assert_int_equal(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm), NHI_TIME_LEN);
    assert_int_equal(nhi_time_format(t, got), NHI_OK);
    assert_string_equal(got, want);
    assert_int_equal(nhi_time_parse(got, &back), NHI_OK);
    assert_int_equal(back, t);
}

static void every_day_of_the_range(void **state)
{
    int64_t day, days = (NHI_TIME_MAX + 1) / 86400;

    (void)state;
    for (day = 0; day < days; day++)
        check(day * 86400 + day * 7919 % 86400);
}

static void every_second_of_a_day(void **state)
{
    int64_t t;

    (void)state;
    for (t = 0; t < 86400; t++)
        check(1709164800 + t); /* 2024-02-29 */
}

static void ends_of_the_range(void **state)
{
    char text[NHI_TIME_LEN + 1] = "unchanged";
    int64_t t = 7;

    (void)state;
    check(0);
    check(NHI_TIME_MAX);
    assert_int_equal(nhi_time_format(-1, text), NHI_ERR_FORMAT);
    assert_int_equal(nhi_time_format(NHI_TIME_MAX + 1, text), NHI_ERR_FORMAT);
    assert_int_equal(nhi_time_format(INT64_MIN, text), NHI_ERR_FORMAT);
    assert_int_equal(nhi_time_format(INT64_MAX, text), NHI_ERR_FORMAT);
    assert_string_equal(text, "unchanged");
    assert_int_equal(nhi_time_parse("1969-12-31T23:59:59Z", &t), NHI_ERR_FORMAT);
    assert_int_equal(nhi_time_parse("0000-00-00T00:00:00Z", &t), NHI_ERR_FORMAT);
    assert_int_equal(nhi_time_parse("0000-01-01T00:00:00Z", &t), NHI_ERR_FORMAT);
    assert_int_equal(t, 7);
}

static void dates_in_no_calendar(void **state)
{
    static const char *const bad[] = {
        "2026-02-29T00:00:00Z", "2026-02-30T00:00:00Z", "2100-02-29T00:00:00Z", "2024-02-30T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-06-31T00:00:00Z", "2026-09-31T00:00:00Z", "2026-11-31T00:00:00Z",
        "2026-01-32T00:00:00Z", "2026-12-32T00:00:00Z", "2026-00-10T00:00:00Z", "2026-13-10T00:00:00Z",
        "2026-10-00T00:00:00Z", "2026-99-99T99:99:99Z", "2026-11-23T24:00:00Z", "2026-11-23T22:60:00Z",
        "2026-11-23T22:05:60Z", "2016-12-31T23:59:60Z", "9999-12-31T23:59:60Z", "9999-12-31T24:00:00Z",
        "9999-99-99T99:99:99Z",
    };
    int64_t t = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (nhi_time_parse(bad[i], &t) != NHI_ERR_FORMAT)
            fail_msg("%s", bad[i]);
    assert_int_equal(t, 7);
    assert_int_equal(nhi_time_parse("2024-02-29T00:00:00Z", &t), NHI_OK);
    assert_int_equal(nhi_time_parse("2000-02-29T00:00:00Z", &t), NHI_OK);
}

static void other_forms(void **state)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-23T22:05:00",
        "2026-11-23T22:05:00z",
        "2026-11-23t22:05:00Z",
        "2026-11-23 22:05:00Z",
        "2026-11-23T22:05:00ZZ",
        "2026-11-23T22:05:00Z ",
        " 2026-11-23T22:05:00Z",
        "2026-11-23T22:05:00Z\n",
        "2026-11-23T22:05:00+00:00",
        "2026-11-23T22:05:00.0Z",
        "2026-11-23T22:05Z",
        "20261123T220500Z",
        "+026-11-23T22:05:00Z",
        "-026-11-23T22:05:00Z",
        "2026-11-23T22:05: 0Z",
        "2026-11-23T22:05:+1Z",
        "2026-1-023T22:05:00Z",
        "12026-11-23T22:05:00Z",
        "2026/11/23T22:05:00Z",
        "2026-11-23T22.05.00Z",
        "\xd9\xa2-26-11-23T22:05:00Z",
    };
    int64_t t = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (nhi_time_parse(bad[i], &t) != NHI_ERR_FORMAT)
            fail_msg("%s", bad[i]);
    assert_int_equal(t, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_the_range),
        cmocka_unit_test(every_second_of_a_day),
        cmocka_unit_test(ends_of_the_range),
        cmocka_unit_test(dates_in_no_calendar),
        cmocka_unit_test(other_forms),
    };

    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
