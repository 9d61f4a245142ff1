/* SPDX-License-Identifier: ISC */
/*
 * Time as text, by arithmetic on the civil calendar: no locale, no time zone, no allocation.
 */

#include "libnhi/base/time.h"

#include <string.h>

#define DAY 86400

/* Days from 1970-01-01 to the first of March of year 0, in the proleptic Gregorian calendar:
 * years are counted from March, so that a leap day is the last day of its year. */
#define EPOCH_DAYS 719468

static int64_t days_before_year(int64_t y)
{
    return 365 * y + y / 4 - y / 100 + y / 400;
}

/* Days in the months before month m, where m counts from March: 31, 30, 31, 30, 31 and again. */
static int64_t days_before_month(int64_t m)
{
    return (153 * m + 2) / 5;
}

static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;

    return days_before_year(y) + days_before_month(m) + day - 1 - EPOCH_DAYS;
}

static void put(char *at, int width, int64_t n)
{
    while (width-- > 0) {
        at[width] = (char)('0' + n % 10);
        n /= 10;
    }
}

enum nhi_err nhi_time_format(int64_t t, char out[NHI_TIME_LEN + 1])
{
    int64_t days, second, y, m;

    if (t < 0 || t > NHI_TIME_MAX)
        return NHI_ERR_FORMAT;
    days = t / DAY + EPOCH_DAYS;
    second = t % DAY;
    /* This is never too small, and too large by one at most. */
    y = days * 400 / 146097 + 1;
    while (days_before_year(y) > days)
        y--;
    days -= days_before_year(y);
    m = (5 * days + 2) / 153;
    days -= days_before_month(m);
    memcpy(out, "0000-00-00T00:00:00Z", NHI_TIME_LEN + 1);
    put(out, 4, m < 10 ? y : y + 1);
    put(out + 5, 2, m < 10 ? m + 3 : m - 9);
    put(out + 8, 2, days + 1);
    put(out + 11, 2, second / 3600);
    put(out + 14, 2, second / 60 % 60);
    put(out + 17, 2, second % 60);
    return NHI_OK;
}

static int64_t get(const char *at, int width)
{
    int64_t n = 0;

    while (width-- > 0)
        n = n * 10 + (*at++ - '0');
    return n;
}

enum nhi_err nhi_time_parse(const char *s, int64_t *t)
{
    const char *form = "dddd-dd-ddTdd:dd:ddZ";
    char again[NHI_TIME_LEN + 1];
    int64_t got;

    /* The NUL of form makes the loop check that s ends there, too. */
    for (size_t i = 0; i <= NHI_TIME_LEN; i++)
        if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
            return NHI_ERR_FORMAT;
    got = days_of(get(s, 4), get(s + 5, 2), get(s + 8, 2)) * DAY + get(s + 11, 2) * 3600 + get(s + 14, 2) * 60 +
          get(s + 17, 2);
    /* A date that no calendar has, such as 02-30 or 23:59:60, comes back as another one. */
    if (nhi_time_format(got, again) != NHI_OK || memcmp(again, s, NHI_TIME_LEN) != 0)
        return NHI_ERR_FORMAT;
    *t = got;
    return NHI_OK;
}

static bool unit_seconds(char unit, int64_t *seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (units[i].unit == unit) {
            *seconds = units[i].seconds;
            return true;
        }
    return false;
}

bool nhi_span_parse(const char *s, int64_t *seconds)
{
    int64_t sum = 0;

    if (*s == '\0')
        return false;
    while (*s != '\0') {
        int64_t n = 0, unit;

        if (*s < '0' || *s > '9')
            return false;
        for (; *s >= '0' && *s <= '9'; s++) {
            n = n * 10 + (*s - '0');
            if (n > NHI_SPAN_MAX)
                return false;
        }
        if (!unit_seconds(*s, &unit))
            return false;
        s++;
        sum += n * unit;
        if (sum > NHI_SPAN_MAX)
            return false;
    }
    if (sum < 1)
        return false;
    *seconds = sum;
    return true;
}
