/* SPDX-License-Identifier: ISC */
/*
 * The accounts of the benchmark, each determined by its number. tests/bench/fixtures.sh puts the same into ledgers.
 */
#ifndef TESTS_BENCH_ACCOUNTS_H
#define TESTS_BENCH_ACCOUNTS_H

#include <stdint.h>
#include <stdio.h>

#define BENCH_UID 100000u
#define BENCH_NAME_SIZE 24
#define BENCH_GECOS "builds and deploys"
#define BENCH_SHELL "/bin/sh"

static inline int bench_name(uint32_t i, char *out)
{
    return snprintf(out, BENCH_NAME_SIZE, "agent-%07u", i);
}

#endif
