/* SPDX-License-Identifier: ISC */
#include "nhictl/policy/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "libnhi/policy/rule.h"

#define ZONES "/usr/share/zoneinfo/"
#define STEP 86400 /* no zone changes twice in a day */

/* The grammar of policy files allows no dot: a name cannot leave the directory. */
bool zone_is_known(const char *name)
{
    char path[sizeof(ZONES) + NHI_ZONE_MAX];
    struct stat st;

    if (strcmp(name, "UTC") == 0)
        return true;
    snprintf(path, sizeof(path), ZONES "%s", name);
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int32_t ahead_at(int64_t at)
{
    time_t t = (time_t)at;
    struct tm tm;

    return localtime_r(&t, &tm) != NULL ? (int32_t)tm.tm_gmtoff : 0;
}

static void enter(const char *name)
{
    char tz[NHI_ZONE_MAX + 2];

    snprintf(tz, sizeof(tz), ":%s", name);
    (void)setenv("TZ", strcmp(name, "UTC") == 0 ? "UTC0" : tz, 1);
    tzset();
}

int32_t zone_ahead(const char *name, int64_t at)
{
    enter(name);
    return ahead_at(at);
}

int zone_each(const char *name, int64_t from, int64_t until, int (*fn)(int64_t at, int32_t ahead, void *), void *ctx)
{
    int64_t at = from;
    int32_t ahead;
    int rc;

    enter(name);
    ahead = ahead_at(from);
    rc = fn(from, ahead, ctx);
    while (rc == 0 && at + STEP < until) {
        int64_t low = at, high = at + STEP;

        at = high;
        if (ahead_at(high) == ahead)
            continue;
        while (high - low > 1) {
            int64_t middle = low + (high - low) / 2;

            if (ahead_at(middle) == ahead)
                low = middle;
            else
                high = middle;
        }
        ahead = ahead_at(high);
        rc = fn(high, ahead, ctx);
    }
    return rc;
}
