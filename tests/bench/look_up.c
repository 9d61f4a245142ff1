/* SPDX-License-Identifier: ISC */
/*
 * Look-ups of accounts through glibc.
 *
 *   look_up SOURCE KIND ACCOUNTS EACH    SOURCE as in nsswitch.conf; KIND: name, uid, missname or missuid
 *
 * The accounts are agent-0000000 and so on with uids from BENCH_UID on (tests/bench/accounts.h). Prints MINIMUM MEDIAN
 * BATCHES in nanoseconds for one look-up, over batches of EACH. Exit status 1 after a wrong answer.
 */
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/accounts.h"
#include "tests/lib/bench.h"

#define BATCHES 15
#define BEYOND 1000 /* uids after the last of them may have been given to others since */

static bool by_name, misses;
static uint32_t accounts;

static uint32_t draw(void)
{
    static uint32_t state = 12345;

    state = state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)state * accounts) >> 32);
}

static bool once(uint32_t i)
{
    char name[BENCH_NAME_SIZE], buf[4096];
    struct passwd pw, *got = NULL;
    int rc;

    if (by_name) {
        bench_name(i, name);
        if (misses)
            memcpy(name, "other", 5);
        rc = getpwnam_r(name, &pw, buf, sizeof(buf), &got);
    } else {
        rc = getpwuid_r(BENCH_UID + i + (misses ? accounts + BEYOND : 0), &pw, buf, sizeof(buf), &got);
    }
    return rc == 0 && (got == NULL) == misses && (misses || pw.pw_uid == BENCH_UID + i);
}

int main(int argc, char **argv)
{
    double took[BATCHES], middle;
    int each;

    if (argc != 5 || __nss_configure_lookup("passwd", argv[1]) != 0)
        return 125;
    by_name = strstr(argv[2], "name") != NULL;
    misses = strncmp(argv[2], "miss", 4) == 0;
    accounts = (uint32_t)atol(argv[3]);
    each = atoi(argv[4]);
    if (accounts == 0 || each < 1)
        return 125;
    for (int b = -1; b < BATCHES; b++) { /* the first loads the module */
        double began = now_us();

        for (int k = 0; k < each; k++)
            if (!once(draw())) {
                fprintf(stderr, "look_up: %s %s of %s: a wrong answer\n", argv[1], argv[2], argv[3]);
                return 1;
            }
        if (b >= 0)
            took[b] = (now_us() - began) * 1e3 / each;
    }
    middle = median(took, BATCHES);
    printf("%.0f %.0f %d\n", took[0], middle, BATCHES);
    return 0;
}
