/* SPDX-License-Identifier: ISC */
/* Arrays that grow: existing elements stay, and what does not fit into memory is refused with everything unchanged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"

static long calls, left = -1; /* left: allocations until each one fails, -1: none does */

static void *counted_reallocarray(void *p, size_t n, size_t size)
{
    calls++;
    if (left == 0)
        return NULL;
    if (left > 0)
        left--;
    return reallocarray(p, n, size);
}

/* Compiled in here, so that its memory is the counted one. */
#define reallocarray counted_reallocarray
#include "libnhi/base/grow.c"
#undef reallocarray

static void keeps_what_is_there(void **state)
{
    uint32_t *all = NULL;
    size_t room = 0;

    (void)state;
    calls = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        all = nhi_grow(all, &room, i + 1, sizeof(*all));
        assert_non_null(all);
        assert_true(room > i);
        all[i] = i;
    }
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(all[i], i);
    /* It doubles: a few calls, however many elements. */
    assert_true(calls < 20);
    free(all);
}

/* Text is appended by its length, which may be more than twice as much. */
static void takes_many_at_once(void **state)
{
    size_t room = 0;
    char *all = nhi_grow(NULL, &room, 1000, 1), *same;

    (void)state;
    assert_non_null(all);
    assert_true(room >= 1000);
    memset(all, 'x', 1000);
    calls = 0;
    same = nhi_grow(all, &room, room, 1);
    assert_ptr_equal(same, all);
    assert_int_equal(calls, 0);
    all = nhi_grow(all, &room, 100000, 1);
    assert_non_null(all);
    assert_true(room >= 100000);
    assert_int_equal(all[999], 'x');
    free(all);
}

static void out_of_memory(void **state)
{
    size_t room = 0, before;
    uint64_t *all = nhi_grow(NULL, &room, 1, sizeof(*all));

    (void)state;
    assert_non_null(all);
    all[0] = 4711;
    before = room;
    left = 0;
    assert_null(nhi_grow(all, &room, room + 1, sizeof(*all)));
    assert_int_equal(room, before);
    /* No memory is requested for what fits. */
    assert_ptr_equal(nhi_grow(all, &room, room, sizeof(*all)), all);
    left = -1;
    assert_int_equal(all[0], 4711);
    free(all);
}

/* More bytes than a size_t counts: by the number of elements, by their size, and by doubling the room. */
static void more_than_can_be_counted(void **state)
{
    static const struct {
        size_t room, need, size;
    } cases[] = {
        { 16, SIZE_MAX, 2 },
        { 16, SIZE_MAX / 8 + 1, 8 },
        { 16, 17, SIZE_MAX / 17 },
        { SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 2, 2 },
        { SIZE_MAX / 2 - 8, SIZE_MAX / 2, 4 },
        { SIZE_MAX - 1, SIZE_MAX, 16 },
    };
    uint64_t *all = calloc(16, sizeof(*all));

    (void)state;
    assert_non_null(all);
    all[15] = 4711;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t room = cases[i].room;

        assert_null(nhi_grow(all, &room, cases[i].need, cases[i].size));
        assert_int_equal(room, cases[i].room);
        assert_int_equal(all[15], 4711);
    }
    free(all);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_is_there),
        cmocka_unit_test(takes_many_at_once),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(more_than_can_be_counted),
    };

    return cmocka_run_group_tests_name("grow", tests, NULL, NULL);
}
