/* SPDX-License-Identifier: ISC */
/* What a host has last seen of its ledger. Nobody believes a file that is not exactly one of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/last_seen.h"
#include "libnhi/base/machine.h"
#include "tests/lib/state.h"

#define FILE_OF NHI_STATE_DIR "/" NHI_LAST_SEEN_FILE
#define RUN_FILE NHI_RUN_DIR "/" NHI_LAST_SEEN_FILE
#define ROUNDS 200

static const struct nhi_last_seen base = { .epoch = 2, .event = 10, .latest = STATE_NOW, .next_uid = 65540 };

static struct nhi_last_seen seen(int64_t epoch, int64_t event)
{
    struct nhi_last_seen m = base;

    m.epoch = epoch;
    m.event = event;
    memset(m.hash, 'a', NHI_DIGEST_LEN);
    return m;
}

static enum nhi_err store(int64_t epoch, int64_t event)
{
    struct nhi_last_seen m = seen(epoch, event);

    return nhi_last_seen_store(NHI_STATE_DIR, NHI_RUN_DIR, &m);
}

static enum nhi_err load(struct nhi_last_seen *m)
{
    return nhi_last_seen_load(NHI_STATE_DIR, NHI_RUN_DIR, m);
}

static void roundtrip(void **state)
{
    struct nhi_last_seen want = seen(2, 10), got;

    (void)state;
    assert_int_equal(load(&got), NHI_ERR_NOT_FOUND);
    assert_int_equal(store(2, 10), NHI_OK);
    assert_int_equal(load(&got), NHI_OK);
    assert_true(got.epoch == want.epoch && got.event == want.event && got.latest == want.latest);
    assert_int_equal(got.next_uid, want.next_uid);
    assert_string_equal(got.hash, want.hash);
}

/* The further one of the two counts: a boot forgets one, and putting an old directory back leaves the other. */
static void the_further_counts(void **state)
{
    struct nhi_last_seen got;

    (void)state;
    assert_int_equal(store(2, 10), NHI_OK);
    assert_int_equal(rename(RUN_FILE, NHI_RUN_DIR "/kept"), 0);
    assert_int_equal(store(1, 99), NHI_OK);
    assert_int_equal(rename(NHI_RUN_DIR "/kept", RUN_FILE), 0);
    assert_int_equal(load(&got), NHI_OK);
    assert_true(got.epoch == 2 && got.event == 10);
    assert_int_equal(unlink(RUN_FILE), 0);
    assert_int_equal(load(&got), NHI_OK);
    assert_true(got.epoch == 1 && got.event == 99);
}

static void is_ahead(void **state)
{
    struct nhi_last_seen m = seen(2, 10);

    (void)state;
    assert_true(nhi_last_seen_is_ahead(&m, 2, 9));
    assert_false(nhi_last_seen_is_ahead(&m, 2, 10));
    assert_true(nhi_last_seen_is_ahead(&m, 1, 11));
    assert_false(nhi_last_seen_is_ahead(&m, 3, 0));
}

/* Any changed byte makes another state, or none; never another failure of the reader. */
static void damaged(void **state)
{
    char text[512];
    struct nhi_last_seen got;
    size_t len;

    (void)state;
    assert_int_equal(store(2, 10), NHI_OK);
    assert_int_equal(unlink(RUN_FILE), 0);
    len = state_slurp(FILE_OF, text, sizeof(text));
    for (size_t i = 0; i < len; i++) {
        char had = text[i];

        text[i] = '\001';
        state_spill(FILE_OF, text, len);
        assert_int_equal(load(&got), NHI_ERR_FORMAT);
        text[i] = had;
        state_spill(FILE_OF, text, i);
        assert_int_equal(load(&got), i == 0 ? NHI_ERR_NOT_FOUND : NHI_ERR_FORMAT);
    }
    state_spill(FILE_OF, text, len);
    assert_int_equal(chmod(FILE_OF, 0622), 0);
    assert_int_equal(load(&got), NHI_ERR_UNSAFE);
}

static int write_many(int n)
{
    struct nhi_last_seen got;

    for (int i = 0; i < ROUNDS; i++)
        if (store(1, n * ROUNDS + i + 1) != NHI_OK || load(&got) != NHI_OK || got.epoch != 1)
            return 1;
    return 0;
}

/* Several at once: each reader finds a whole one. */
static void at_once(void **state)
{
    (void)state;
    assert_int_equal(store(1, 1), NHI_OK);
    assert_int_equal(state_parallel(4, write_many), 0);
    assert_int_equal(state_count(NHI_STATE_DIR, ".mark"), 0);
}

static void no_room(void **state)
{
    struct nhi_last_seen got;

    (void)state;
    assert_int_equal(store(1, 1), NHI_OK);
    state_disk_fill();
    assert_int_not_equal(store(1, 2), NHI_OK);
    state_disk_free();
    assert_int_equal(load(&got), NHI_OK);
}

static void machine(void **state)
{
    static const char *const none[] = { "", "\n", "uninitialized\n" };
    static const char *const bad[] = { "0123456789abcdef\n", "0123456789abcdef0123456789abcdef0\n",
                                       "0123456789ABCDEF0123456789abcdef\n", " \n" };
    char id[NHI_DIGEST_LEN + 1], other[NHI_DIGEST_LEN + 1];
    const char *file = NHI_STATE_DIR "/machine-id";

    (void)state;
    assert_int_equal(nhi_machine_id(file, id), NHI_OK);
    assert_string_equal(id, "");
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        state_spill(file, none[i], strlen(none[i]));
        assert_int_equal(nhi_machine_id(file, id), NHI_OK);
        assert_string_equal(id, "");
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        state_spill(file, bad[i], strlen(bad[i]));
        assert_int_equal(nhi_machine_id(file, id), NHI_ERR_FORMAT);
    }
    state_spill(file, "0123456789abcdef0123456789abcdef\n", 33);
    assert_int_equal(nhi_machine_id(file, id), NHI_OK);
    assert_int_equal(strlen(id), NHI_DIGEST_LEN);
    state_spill(file, "0123456789abcdef0123456789abcdee", 32);
    assert_int_equal(nhi_machine_id(file, other), NHI_OK);
    assert_string_not_equal(id, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(roundtrip, state_empty), cmocka_unit_test_setup(the_further_counts, state_empty),
        cmocka_unit_test_setup(is_ahead, state_empty),  cmocka_unit_test_setup(damaged, state_empty),
        cmocka_unit_test_setup(at_once, state_empty),   cmocka_unit_test_setup(no_room, state_empty),
        cmocka_unit_test_setup(machine, state_empty),
    };

    return state_enter() ? cmocka_run_group_tests_name("last_seen", tests, NULL, NULL) : 0;
}
