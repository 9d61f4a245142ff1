/* SPDX-License-Identifier: ISC */
/*
 * 100 writers of 1,000 events each, in one trail, every event in a transaction of its own, and the proof that none is
 * missing. The time of one writer is the unit. NHI_EVENTS sets another number for each.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/bench.h"
#include "tests/lib/state.h"
#include "tests/lib/writers.h"

#define ROOM "2g"
#define WRITERS 100
#define ALONE 5000

/* Seconds; ends the program after a failure. */
static double measure(int writers, int events, double *proving)
{
    struct writers_proof proof;
    double start = now_us(), written;

    if (!writers_run(ROOM, writers, events)) {
        puts("a writer failed");
        exit(1);
    }
    written = now_us();
    proof = writers_prove(writers);
    *proving = (now_us() - written) / 1e6;
    if (!proof.whole || proof.events != (int64_t)writers * events || proof.last != proof.events ||
        proof.least != events || proof.most != events) {
        printf("%d writers: %lld events, and not one chain\n", writers, (long long)proof.events);
        exit(1);
    }
    return (written - start) / 1e6;
}

int main(void)
{
    const char *asked = getenv("NHI_EVENTS");
    int each = asked != NULL ? atoi(asked) : 1000, all;
    double alone, many, proving, proving_alone;

    if (each < 1 || each > 1000)
        each = 1000;
    all = WRITERS * each;
    if (!state_enter())
        return 0;
    alone = measure(1, ALONE, &proving_alone) * 1e6 / ALONE;
    many = measure(WRITERS, each, &proving);
    printf("%6d events by one writer                   %.0f us each\n", ALONE, alone);
    printf("%6d events by %d writers at once          %.1f s, %.0f us each (ratio %.2f)\n", all, WRITERS, many,
           many * 1e6 / all, many * 1e6 / all / alone);
    printf("one chain of them, without a gap, is proven  %.1f s, %.1f us each\n", proving, proving * 1e6 / all);
    return 0;
}
