/* SPDX-License-Identifier: ISC */
/*
 * The account snapshot: what was written is read back, what must not be written is refused, and the old file survives
 * whatever goes wrong. Damage: test_snapshot_damage.c.
 *
 * As "test_snapshot publish COUNT TIMES" it is the publisher of the NSS tests instead: it publishes a snapshot of COUNT
 * accounts TIMES times, each unlike the one before in the last uid of the range.
 * Invariant: 10.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/snapshot/snapshot_account.h"
#include "libnhi/snapshot/snapshot_format.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "libnhi/snapshot/snapshot_write.h"
#include "tests/lib/accounts.h"
#include "tests/lib/scratch.h"

static void check_roundtrip(uint32_t count)
{
    struct nhi_account got;
    struct nhi_snapshot s;
    uint32_t i;

    assert_int_equal(accounts_publish(scratch_path, count), NHI_OK);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
    assert_int_equal(s.count, count);
    assert_int_equal(s.uid_min, ACCOUNTS_UID_MIN);
    assert_int_equal(s.uid_max, ACCOUNTS_UID_MAX);
    for (i = 0; i < count; i++) {
        struct nhi_account want = accounts_nth(i);

        assert_int_equal(nhi_snapshot_by_name(&s, want.name, &got), NHI_OK);
        assert_true(accounts_same(&want, &got));
        assert_int_equal(nhi_snapshot_by_uid(&s, want.uid, &got), NHI_OK);
        assert_true(accounts_same(&want, &got));
        assert_int_equal(nhi_snapshot_by_index(&s, i, &got), NHI_OK);
        assert_true(accounts_same(&want, &got));
    }
    assert_int_equal(nhi_snapshot_by_index(&s, count, &got), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_snapshot_by_uid(&s, ACCOUNTS_UID_MIN + 1 + count, &got), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_snapshot_by_name(&s, "nobody-at-all", &got), NHI_ERR_NOT_FOUND);
    nhi_snapshot_close(&s);
    assert_int_equal(s.fd, -1);
}

static void test_roundtrip(void **state)
{
    (void)state;
    check_roundtrip(0);
    check_roundtrip(1);
    check_roundtrip(5000);
    assert_int_equal(scratch_entries(), 1);
}

/* The longest possible account fits, byte for byte. */
static void test_largest(void **state)
{
    struct nhi_account a = { .uid = 70000, .group_count = NHI_GROUPS_MAX }, got;
    struct nhi_snapshot_writer *w;
    struct nhi_snapshot s;

    (void)state;
    memset(a.name, 'a', NHI_AGENT_MAX);
    memset(a.gecos, 'g', NHI_TEXT_MAX);
    memset(a.home, 'h', NHI_PATH_MAX);
    memset(a.shell, 's', NHI_PATH_MAX);
    a.home[0] = a.shell[0] = '/';
    for (uint32_t i = 0; i < NHI_GROUPS_MAX; i++)
        a.groups[i] = 2000 + i;
    assert_int_equal(nhi_snapshot_begin(ACCOUNTS_UID_MIN, ACCOUNTS_UID_MAX, &w), NHI_OK);
    assert_int_equal(nhi_snapshot_add(w, &a), NHI_OK);
    assert_int_equal(nhi_snapshot_commit(w, scratch_path), NHI_OK);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
    assert_int_equal(nhi_snapshot_by_name(&s, a.name, &got), NHI_OK);
    assert_true(accounts_same(&a, &got));
    assert_int_equal(nhi_snapshot_by_uid(&s, a.uid, &got), NHI_OK);
    assert_true(accounts_same(&a, &got));
    nhi_snapshot_close(&s);
}

/* Names with the same tag: the name decides. */
static void test_same_tag(void **state)
{
    static const char *const names[] = { "jidiff", "iabajg", "jajjag", "dhcgch" };
    struct nhi_account a, got;
    struct nhi_snapshot_writer *w;
    struct nhi_snapshot s;

    (void)state;
    for (uint32_t i = 0; i < 4; i += 2)
        assert_int_equal(nhi_snapshot_place_name(names[i], 6, 1).tag, nhi_snapshot_place_name(names[i + 1], 6, 1).tag);
    assert_int_equal(nhi_snapshot_begin(ACCOUNTS_UID_MIN, ACCOUNTS_UID_MAX, &w), NHI_OK);
    for (uint32_t i = 0; i < 3; i++) {
        a = accounts_nth(i);
        strcpy(a.name, names[i]);
        assert_int_equal(nhi_snapshot_add(w, &a), NHI_OK);
    }
    assert_int_equal(nhi_snapshot_commit(w, scratch_path), NHI_OK);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(nhi_snapshot_by_name(&s, names[i], &got), NHI_OK);
        assert_int_equal(got.uid, ACCOUNTS_UID_MIN + 1 + i);
    }
    assert_int_equal(nhi_snapshot_by_name(&s, names[3], &got), NHI_ERR_NOT_FOUND);
    nhi_snapshot_close(&s);
}

/* Uids and names that can never be ours are misses, whatever the file has. */
static void test_never_ours(void **state)
{
    static const uint32_t ids[] = {
        0, 1, 33, 999, 65534, 65535, ACCOUNTS_UID_MIN, ACCOUNTS_UID_MAX + 1, INT32_MAX, 0x80000000u, UINT32_MAX
    };
    static const char *const names[] = {
        "", "root", "nhi-agents", "Agent", "a/b", "../x", "a-name-that-is-longer-than-32-byt"
    };
    struct nhi_account got;
    struct nhi_snapshot s;

    (void)state;
    assert_int_equal(accounts_publish(scratch_path, 10), NHI_OK);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        assert_int_equal(nhi_snapshot_by_uid(&s, ids[i], &got), NHI_ERR_NOT_FOUND);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(nhi_snapshot_by_name(&s, names[i], &got), NHI_ERR_NOT_FOUND);
    assert_false(nhi_id_is_ours(0));
    assert_false(nhi_id_is_ours(999));
    assert_true(nhi_id_is_ours(1000));
    assert_false(nhi_id_is_ours(65534));
    assert_false(nhi_id_is_ours(65535));
    assert_true(nhi_id_is_ours(INT32_MAX));
    assert_false(nhi_id_is_ours((uint32_t)INT32_MAX + 1));
    assert_false(nhi_id_is_ours(UINT32_MAX));
    nhi_snapshot_close(&s);
}

static void refuse(const struct nhi_account *first, const struct nhi_account *second)
{
    struct nhi_snapshot_writer *w;

    assert_int_equal(nhi_snapshot_begin(ACCOUNTS_UID_MIN, 70000, &w), NHI_OK);
    if (first != NULL)
        assert_int_equal(nhi_snapshot_add(w, first), NHI_OK);
    assert_int_equal(nhi_snapshot_add(w, second), NHI_ERR_ARG);
    assert_int_equal(nhi_snapshot_commit(w, scratch_path), NHI_ERR_ARG);
    assert_int_equal(scratch_entries(), 0);
}

static void test_refused_accounts(void **state)
{
    static const uint32_t uids[] = { 0, 999, ACCOUNTS_UID_MIN, 65534, 65535, 70001, UINT32_MAX };
    static const uint32_t gids[] = { 0, 27, 999, 65534, ACCOUNTS_UID_MIN, ACCOUNTS_UID_MIN + 2, UINT32_MAX };
    struct nhi_account a = accounts_nth(0), b = accounts_nth(1);
    struct nhi_snapshot_writer *w = NULL;

    (void)state;
    refuse(&b, &a); /* not ascending */
    refuse(&a, &a);
    strcpy(b.name, a.name); /* a name twice, found at the end */
    assert_int_equal(nhi_snapshot_begin(ACCOUNTS_UID_MIN, 70000, &w), NHI_OK);
    assert_int_equal(nhi_snapshot_add(w, &a), NHI_OK);
    assert_int_equal(nhi_snapshot_add(w, &b), NHI_OK);
    assert_int_equal(nhi_snapshot_commit(w, scratch_path), NHI_ERR_ARG);
    assert_int_equal(scratch_entries(), 0);
    w = NULL;
    for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
        b = accounts_nth(1);
        b.uid = uids[i];
        refuse(NULL, &b);
    }
    for (size_t i = 0; i < sizeof(gids) / sizeof(gids[0]); i++) {
        b = accounts_nth(1);
        b.group_count = 1;
        b.groups[0] = gids[i];
        refuse(NULL, &b);
    }
    b = accounts_nth(1);
    b.group_count = NHI_GROUPS_MAX + 1;
    refuse(NULL, &b);
    b = accounts_nth(1);
    strcpy(b.name, NHI_AGENTS_GROUP);
    refuse(NULL, &b);
    strcpy(b.name, "Bad:name");
    refuse(NULL, &b);
    memset(b.name, 'a', sizeof(b.name)); /* no NUL */
    refuse(NULL, &b);
    b = accounts_nth(1);
    strcpy(b.gecos, "one\ntwo");
    refuse(NULL, &b);
    strcpy(b.gecos, "a:b");
    refuse(NULL, &b);
    b = accounts_nth(1);
    strcpy(b.home, "relative");
    refuse(NULL, &b);
    b = accounts_nth(1);
    strcpy(b.shell, "");
    refuse(NULL, &b);
    assert_int_equal(nhi_snapshot_begin(999, 70000, &w), NHI_ERR_ARG);
    assert_int_equal(nhi_snapshot_begin(70000, 70000, &w), NHI_ERR_ARG);
    assert_int_equal(nhi_snapshot_begin(70000, UINT32_MAX, &w), NHI_ERR_ARG);
    assert_int_equal(nhi_snapshot_begin(65535, 70000, &w), NHI_ERR_ARG);
    assert_null(w);
    nhi_snapshot_abort(NULL);
}

/* Linear: an account costs at most 170 bytes beside its text, with as many groups as accounts have here. */
static void test_size(void **state)
{
    struct stat one, many;
    uint64_t text = 0;

    (void)state;
    assert_int_equal(accounts_publish(scratch_path, 1), NHI_OK);
    assert_int_equal(stat(scratch_path, &one), 0);
    assert_int_equal(accounts_publish(scratch_path, 20001), NHI_OK);
    assert_int_equal(stat(scratch_path, &many), 0);
    for (uint32_t i = 1; i <= 20000; i++) {
        struct nhi_account a = accounts_nth(i);

        text += strlen(a.name) + strlen(a.gecos) + strlen(a.home) + strlen(a.shell) + 4;
    }
    assert_true((uint64_t)(many.st_size - one.st_size) <= text + UINT64_C(170) * 20000);
}

static void test_unsafe(void **state)
{
    char other[sizeof(scratch_path) + 8];
    struct nhi_snapshot s;

    (void)state;
    errno = 0;
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_ERR_SYS);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(accounts_publish(scratch_path, 1), NHI_OK);
    assert_int_equal(chmod(scratch_path, 0664), 0);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_ERR_UNSAFE);
    assert_int_equal(chmod(scratch_path, 0646), 0);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_ERR_UNSAFE);
    assert_int_equal(chmod(scratch_path, 0644), 0);
    assert_int_equal(chown(scratch_path, 1000, 0), 0);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_ERR_UNSAFE);
    assert_int_equal(chown(scratch_path, 0, 0), 0);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
    nhi_snapshot_close(&s);
    snprintf(other, sizeof(other), "%s.link", scratch_path);
    assert_int_equal(symlink(scratch_path, other), 0);
    assert_int_equal(nhi_snapshot_open(other, &s), NHI_ERR_UNSAFE);
    assert_int_equal(nhi_snapshot_open(scratch_dir, &s), NHI_ERR_UNSAFE);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(mkfifo(other, 0644), 0);
    (void)alarm(20); /* only to prevent hanging for ever */
    assert_int_equal(nhi_snapshot_open(other, &s), NHI_ERR_UNSAFE);
    (void)alarm(0);
}

/* The old file is in place, whole, and nothing is beside it. */
static void assert_old_stays(uint32_t count)
{
    struct nhi_snapshot s;

    assert_int_equal(scratch_entries(), 1);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
    assert_int_equal(s.count, count);
    nhi_snapshot_close(&s);
}

static void test_failure_leaves_old(void **state)
{
    struct rlimit all, small;
    struct nhi_snapshot_writer *w;
    struct nhi_account a = accounts_nth(0);
    rlim_t sizes[] = { 10, 100, 2100, 4096, 20000, 40000 };

    (void)state;
    assert_int_equal(accounts_publish(scratch_path, 7), NHI_OK);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        enum nhi_err err;

        small = all;
        small.rlim_cur = sizes[i];
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        err = accounts_publish(scratch_path, 500);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
        assert_int_equal(err, NHI_ERR_FULL);
        assert_old_stays(7);
    }
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(nhi_snapshot_begin(ACCOUNTS_UID_MIN, ACCOUNTS_UID_MAX, &w), NHI_OK);
    assert_int_equal(nhi_snapshot_add(w, &a), NHI_OK);
    nhi_snapshot_abort(w);
    assert_old_stays(7);
}

/* A rename that fails, and a directory that does not exist. */
static void test_bad_target(void **state)
{
    char sub[sizeof(scratch_path) + 8];

    (void)state;
    assert_int_equal(mkdir(scratch_path, 0755), 0);
    snprintf(sub, sizeof(sub), "%s/file", scratch_path);
    assert_int_equal(accounts_publish(scratch_path, 1), NHI_ERR_SYS);
    assert_int_equal(scratch_entries(), 1);
    assert_int_equal(rmdir(scratch_path), 0);
    errno = 0;
    assert_int_equal(accounts_publish(sub, 1), NHI_ERR_SYS);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(accounts_publish("accounts", 1), NHI_ERR_ARG);
    snprintf(sub, sizeof(sub), "%s/", scratch_dir);
    assert_int_equal(accounts_publish(sub, 1), NHI_ERR_ARG);
}

/* What a writer leaves that was killed before the last step, and two writers at once. */
static void test_leftovers(void **state)
{
    char stale[sizeof(scratch_path) + 32];
    struct nhi_snapshot_writer *first, *second;
    struct nhi_account a = accounts_nth(0);
    struct nhi_snapshot s;
    struct stat st;
    mode_t old;

    (void)state;
    old = umask(077);
    snprintf(stale, sizeof(stale), "%s/.accounts.nhi-new", scratch_dir);
    assert_int_equal(accounts_publish(stale, 3), NHI_OK);
    assert_int_equal(accounts_publish(scratch_path, 2), NHI_OK);
    assert_int_equal(nhi_snapshot_begin(ACCOUNTS_UID_MIN, ACCOUNTS_UID_MAX, &first), NHI_OK);
    assert_int_equal(nhi_snapshot_begin(ACCOUNTS_UID_MIN, ACCOUNTS_UID_MAX, &second), NHI_OK);
    assert_int_equal(nhi_snapshot_add(first, &a), NHI_OK);
    assert_int_equal(nhi_snapshot_commit(first, scratch_path), NHI_OK);
    assert_int_equal(nhi_snapshot_commit(second, scratch_path), NHI_OK);
    assert_int_equal(scratch_entries(), 1);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
    assert_int_equal(s.count, 0);
    nhi_snapshot_close(&s);
    assert_int_equal(stat(scratch_path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    umask(old);
}

/* A reader that has the old file open keeps its answers, all of them. */
static void test_open_over_replacement(void **state)
{
    struct nhi_account got, want = accounts_nth(2);
    struct nhi_snapshot s;

    (void)state;
    assert_int_equal(accounts_publish(scratch_path, 3), NHI_OK);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
    assert_int_equal(accounts_publish(scratch_path, 1), NHI_OK);
    assert_int_equal(nhi_snapshot_by_name(&s, want.name, &got), NHI_OK);
    assert_true(accounts_same(&want, &got));
    assert_int_equal(fcntl(s.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    nhi_snapshot_close(&s);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
    assert_int_equal(nhi_snapshot_by_name(&s, want.name, &got), NHI_ERR_NOT_FOUND);
    nhi_snapshot_close(&s);
    nhi_snapshot_close(NULL);
}

static int publisher(const char *count, const char *times)
{
    uint32_t all = (uint32_t)strtoul(count, NULL, 10);
    long n = strtol(times, NULL, 10);

    for (uint32_t i = 0; i < n; i++) {
        enum nhi_err err = accounts_publish_range(NULL, all, ACCOUNTS_UID_MAX - i % 2);

        if (err != NHI_OK) {
            fprintf(stderr, "publish: %s\n", nhi_strerror(err));
            return 1;
        }
    }
    return 0;
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, scratch_make, scratch_remove)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_roundtrip),
        TEST(test_largest),
        TEST(test_same_tag),
        TEST(test_never_ours),
        TEST(test_refused_accounts),
        TEST(test_size),
        TEST(test_unsafe),
        TEST(test_failure_leaves_old),
        TEST(test_bad_target),
        TEST(test_leftovers),
        TEST(test_open_over_replacement),
    };

    if (argc == 4 && strcmp(argv[1], "publish") == 0)
        return publisher(argv[2], argv[3]);
    if (!scratch_is_root())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
