/* SPDX-License-Identifier: ISC */
/*
 * Which processes descend from one, by a look that takes time.
 * Invariant: 19.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nhictl/process/procs.c" /* NOLINT: nhictl is a program, and no library of one */

static struct procs_one process(pid_t pid, pid_t parent, uint64_t start)
{
    return (struct procs_one){ .stat = { .self = { .pid = pid, .start = start }, .parent = parent } };
}

static void find_in(const struct procs *p, struct members *m)
{
    const struct nhi_proc root = { .pid = 100, .start = 1000 };

    assert_int_equal(members_find(m, p, MEMBERS_OF_TREE, 0, &root), NHI_OK);
}

/* Children whose pid is smaller than their parent's, and of the same moment. */
static void descendants(void **state)
{
    struct procs_one all[] = { process(7, 200, 1001), process(100, 1, 1000), process(150, 1, 900),
                               process(200, 100, 1000) };
    struct procs p = { .all = all, .count = 4 };
    struct members m = { .count = 0 };

    (void)state;
    find_in(&p, &m);
    assert_int_equal(m.count, 3);
    assert_true(members_has(&m, 100) && members_has(&m, 200) && members_has(&m, 7));
    members_free(&m);
}

/* Its parent ended while we looked, and a process of the tree has that pid now. */
static void pid_of_a_parent_in_use_again(void **state)
{
    struct procs_one all[] = { process(100, 1, 1000), process(200, 100, 5000), process(300, 200, 900),
                               process(301, 300, 5001) };
    struct procs p = { .all = all, .count = 4 };
    struct members m = { .count = 0 };

    (void)state;
    find_in(&p, &m);
    assert_int_equal(m.count, 2);
    assert_false(members_has(&m, 300) || members_has(&m, 301));
    members_free(&m);
}

/* An orphan no longer shows its origin, and is kept by its identity. */
static void orphans(void **state)
{
    struct procs_one all[] = { process(100, 1, 1000), process(200, 100, 1001), process(300, 200, 1002) };
    struct procs p = { .all = all, .count = 3 };
    struct members m = { .count = 0 };

    (void)state;
    find_in(&p, &m);
    assert_int_equal(m.count, 3);
    all[2].stat.parent = 1;
    all[1] = process(200, 1, 9000);
    find_in(&p, &m);
    assert_int_equal(m.count, 2);
    assert_true(members_has(&m, 100) && members_has(&m, 300));
    members_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descendants),
        cmocka_unit_test(pid_of_a_parent_in_use_again),
        cmocka_unit_test(orphans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
