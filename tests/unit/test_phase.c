/* SPDX-License-Identifier: ISC */
/* What a call keeps while it lasts, and not longer. */
/* Invariants: 11, 20. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/phase.h"
#include "libnhi/base/proc.h"
#include "tests/lib/state.h"

static int open_files(void)
{
    int n = 0;

    for (int fd = 0; fd < 64; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static int borrow(const char *path)
{
    int fd = -1;

    assert_int_equal(nhi_dir_borrow(path, &fd), NHI_OK);
    assert_true(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    nhi_dir_return(fd);
    return fd;
}

static void within(void **state)
{
    int before = open_files(), fd, other;

    (void)state;
    nhi_phase_begin();
    fd = borrow(STATE_GRANTS);
    other = borrow(NHI_STATE_DIR);
    assert_int_not_equal(fd, other);
    assert_int_equal(open_files(), before + 2);
    assert_int_equal(borrow(STATE_GRANTS), fd);
    assert_int_equal(borrow(NHI_STATE_DIR), other);
    /* Kept, though no new one would be given out. */
    assert_int_equal(chmod(STATE_GRANTS, 0770), 0);
    assert_int_equal(borrow(STATE_GRANTS), fd);
    nhi_phase_end();
    assert_int_equal(open_files(), before);
    assert_int_equal(nhi_dir_borrow(STATE_GRANTS, &fd), NHI_ERR_UNSAFE);
    nhi_phase_begin();
    assert_int_equal(nhi_dir_borrow(STATE_GRANTS, &fd), NHI_ERR_UNSAFE);
    assert_int_equal(nhi_dir_borrow(NHI_STATE_DIR "/none", &fd), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_dir_borrow("var", &fd), NHI_ERR_ARG);
    nhi_dir_return(-1);
    nhi_phase_end();
    nhi_phase_end();
    assert_int_equal(open_files(), before);
}

static void outside(void **state)
{
    int before = open_files();

    (void)state;
    (void)borrow(STATE_GRANTS);
    assert_int_equal(open_files(), before);
}

/* More directories than are kept, and a path that is too long to be kept. */
static void many(void **state)
{
    int before = open_files();
    char path[200];

    (void)state;
    nhi_phase_begin();
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 10; i++) {
            snprintf(path, sizeof(path), NHI_STATE_DIR "/%d", i);
            assert_true(mkdir(path, 0700) == 0 || round == 1);
            (void)borrow(path);
        }
    assert_int_equal(open_files(), before + NHI_PHASE_DIRS);
    nhi_phase_begin();
    memset(path, '/', sizeof(path));
    memcpy(path + sizeof(path) - 4, "var", 4);
    (void)borrow(path);
    assert_int_equal(open_files(), before);
    nhi_phase_end();
}

static void boot(void **state)
{
    static const char made_up[] = "01234567-89ab-cdef-0123-456789abcdef";
    char real[37], got[37];

    (void)state;
    nhi_phase_boot_is(made_up);
    assert_int_equal(nhi_boot_id(real), NHI_OK);
    assert_string_not_equal(real, made_up);
    nhi_phase_begin();
    assert_false(nhi_phase_boot(got));
    nhi_phase_boot_is(made_up);
    assert_int_equal(nhi_boot_id(got), NHI_OK);
    assert_string_equal(got, made_up);
    nhi_phase_begin();
    assert_int_equal(nhi_boot_id(got), NHI_OK);
    assert_true(nhi_phase_boot(got));
    assert_string_equal(got, real);
    nhi_phase_end();
    assert_false(nhi_phase_boot(got));
}

/* Another copy of this code goes on with what this one has kept, and closes it. */
static void handed_over(void **state)
{
    static const char made_up[] = "01234567-89ab-cdef-0123-456789abcdef";
    int before = open_files(), fd;
    struct nhi_phase_kept kept;
    char got[37];

    (void)state;
    nhi_phase_begin();
    fd = borrow(STATE_GRANTS);
    nhi_phase_boot_is(made_up);
    nhi_phase_hand_over(&kept);
    assert_int_equal(open_files(), before + 1);
    assert_int_equal(kept.count, 1);
    assert_false(nhi_phase_boot(got));
    nhi_phase_end();
    assert_int_equal(open_files(), before + 1);
    nhi_phase_adopt(&kept);
    assert_int_equal(borrow(STATE_GRANTS), fd);
    assert_int_equal(nhi_boot_id(got), NHI_OK);
    assert_string_equal(got, made_up);
    nhi_phase_end();
    assert_int_equal(open_files(), before);
    /* Outside of a phase there is nothing to hand over. */
    nhi_phase_hand_over(&kept);
    assert_int_equal(kept.count, 0);
    assert_string_equal(kept.boot, "");
}

/* In a thread that may keep nothing, what was handed over is closed. */
static void *adopts(void *ctx)
{
    struct nhi_phase_kept kept = { .count = 1 };
    int before = open_files();

    kept.dirs[0].fd = open("/", O_RDONLY | O_CLOEXEC);
    nhi_phase_adopt(&kept);
    *(bool *)ctx = open_files() == before;
    nhi_phase_end();
    return NULL;
}

static void handed_to_thread(void **state)
{
    bool closed = false;
    pthread_t t;

    (void)state;
    nhi_phase_begin();
    assert_int_equal(pthread_create(&t, NULL, adopts, &closed), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    nhi_phase_end();
    assert_true(closed);
}

static void *other_thread(void *ctx)
{
    int before = open_files(), fd;

    nhi_phase_begin();
    fd = borrow(STATE_GRANTS);
    *(bool *)ctx = fcntl(fd, F_GETFD) < 0 && open_files() == before;
    nhi_phase_end();
    return NULL;
}

/* What one thread keeps is no other's. */
static void threads(void **state)
{
    int before = open_files(), fd;
    bool kept_nothing = false;
    pthread_t t;

    (void)state;
    nhi_phase_begin();
    fd = borrow(STATE_GRANTS);
    assert_int_equal(pthread_create(&t, NULL, other_thread, &kept_nothing), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_true(kept_nothing);
    assert_int_equal(borrow(STATE_GRANTS), fd);
    assert_int_equal(open_files(), before + 1);
    nhi_phase_end();
    assert_int_equal(open_files(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(within, state_empty),
        cmocka_unit_test_setup(outside, state_empty),
        cmocka_unit_test_setup(many, state_empty),
        cmocka_unit_test_setup(threads, state_empty),
        cmocka_unit_test_setup(handed_over, state_empty),
        cmocka_unit_test(handed_to_thread),
        cmocka_unit_test(boot),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("phase", tests, NULL, NULL);
}
