/* SPDX-License-Identifier: ISC */
/*
 * Many writers at once leave one chain without a gap. NHI_WRITERS and NHI_EVENTS set how many, and how many each; make
 * bench does it with 100 and 1,000.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/state.h"
#include "tests/lib/writers.h"

static int number(const char *name, int otherwise)
{
    const char *text = getenv(name);
    int n = text != NULL ? atoi(text) : 0;

    return n > 0 && n <= 1000 ? n : otherwise;
}

static void one_chain(void **state)
{
    int writers = number("NHI_WRITERS", 20), events = number("NHI_EVENTS", 100);
    struct writers_proof proof;

    (void)state;
    assert_true(writers_run("1g", writers, events));
    proof = writers_prove(writers);
    assert_true(proof.whole);
    assert_int_equal(proof.events, (int64_t)writers * events);
    assert_int_equal(proof.last, proof.events);
    assert_int_equal(proof.least, events);
    assert_int_equal(proof.most, events);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(one_chain) };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("chain_writers", tests, NULL, NULL);
}
