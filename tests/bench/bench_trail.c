/*
 * 100 writers of 1,000 events each, in one trail, every event in a transaction of its own, and the proof that
 * nothing is missing from it. One writer is the measure.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/bench.h"
#include "tests/lib/state.h"
#include "tests/lib/writers.h"

#define ROOM "2g"

/* Seconds, or the end. */
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
    double alone, many, proving, proving_alone;

    if (!state_enter())
        return 0;
    alone = measure(1, 10000, &proving_alone) * 10;
    many = measure(100, 1000, &proving);
    printf("10,000 events by one writer                  %.1f s, %.0f us each\n", alone / 10, alone * 10);
    printf("100,000 events by 100 writers at once        %.1f s, %.0f us each (ratio %.2f)\n", many,
           many * 10, many / alone);
    printf("one chain of them, without a gap, is proven  %.1f s, %.1f us each\n", proving, proving * 10);
    return 0;
}
