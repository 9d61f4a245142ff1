/* SPDX-License-Identifier: ISC */
/*
 * Many writers of events at once, each like a command of nhictl, and the verification of what they leave.
 */
#ifndef TESTS_WRITERS_H
#define TESTS_WRITERS_H

#include <stdbool.h>
#include <stdint.h>

/* In an empty state directory of that size: its ledger, and writers that add this many events each, every one in a
 * transaction of its own. false: one could not. */
bool writers_run(const char *size, int writers, int events);

struct writers_proof {
    int64_t events, last; /* of the verified chain */
    int least, most;      /* events of one writer */
    bool whole;           /* no gap, no broken link, up to the newest number that was given */
};
struct writers_proof writers_prove(int writers);

#endif
