/* SPDX-License-Identifier: ISC */
/*
 * Damage to the account snapshot: every length it can be cut to, every byte that can be wrong. Right answers, misses
 * and errors are all allowed; a crash and a wrong account are not.
 * Invariant: 10.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cdb.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/snapshot/snapshot_read.h"
#include "tests/lib/accounts.h"
#include "tests/lib/scratch.h"

static void save(const void *bytes, size_t len)
{
    int fd = open(scratch_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static unsigned char *load(size_t *len)
{
    unsigned char *bytes;
    struct stat st;
    int fd = open(scratch_path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    *len = (size_t)st.st_size;
    bytes = malloc(*len);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, *len), st.st_size);
    close(fd);
    return bytes;
}

static int right_or_refused(enum nhi_err err, const struct nhi_account *got, uint32_t i)
{
    struct nhi_account want = accounts_nth(i);

    if (err == NHI_OK)
        return accounts_same(got, &want);
    return err == NHI_ERR_NOT_FOUND || err == NHI_ERR_CORRUPT || err == NHI_ERR_VERSION;
}

#define QUESTIONS 10 /* of ask_everything that have an answer */

/* Asks everything of a damaged snapshot of 3. Returns how many questions found it damaged. */
static int ask_everything(const struct nhi_snapshot *s)
{
    char *names = malloc(s->members_len + 1u);
    struct nhi_account got;
    enum nhi_err err;
    int found = 0;

    assert_non_null(names);
    for (uint32_t i = 0; i < 3; i++) {
        struct nhi_account want = accounts_nth(i);

        err = nhi_snapshot_by_name(s, want.name, &got);
        assert_true(right_or_refused(err, &got, i));
        found += err == NHI_ERR_CORRUPT;
        err = nhi_snapshot_by_uid(s, want.uid, &got);
        assert_true(right_or_refused(err, &got, i));
        found += err == NHI_ERR_CORRUPT;
        err = nhi_snapshot_by_index(s, i, &got);
        assert_true(right_or_refused(err, &got, i));
        found += err == NHI_ERR_CORRUPT;
    }
    assert_int_equal(nhi_snapshot_by_name(s, "agent-00003", &got) != NHI_OK, 1);
    assert_int_equal(nhi_snapshot_by_uid(s, ACCOUNTS_UID_MIN + 4, &got) != NHI_OK, 1);
    err = nhi_snapshot_members(s, names);
    if (err == NHI_OK) {
        assert_int_equal(s->members_len, 36);
        assert_memory_equal(names, "agent-00000\0agent-00001\0agent-00002", 36);
    }
    found += err == NHI_ERR_CORRUPT;
    free(names);
    return found;
}

static void test_every_length(void **state)
{
    struct nhi_snapshot s;
    unsigned char *bytes;
    size_t len;

    (void)state;
    assert_int_equal(accounts_publish(scratch_path, 3), NHI_OK);
    bytes = load(&len);
    for (size_t cut = 0; cut < len; cut++) {
        save(bytes, cut);
        assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_ERR_CORRUPT);
    }
    free(bytes);
}

/* Cut while it is open: its size is already known, and reads must notice. */
static void test_every_length_while_open(void **state)
{
    struct nhi_snapshot s;
    unsigned char *bytes;
    size_t len;
    int damaged, found = 0;

    (void)state;
    assert_int_equal(accounts_publish(scratch_path, 3), NHI_OK);
    bytes = load(&len);
    for (size_t cut = 0; cut < len; cut += 3) {
        save(bytes, len);
        assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
        assert_int_equal(truncate(scratch_path, (off_t)cut), 0);
        damaged = ask_everything(&s);
        if (cut <= 2048) /* the records are gone: no answer may come from elsewhere */
            assert_int_equal(damaged, QUESTIONS);
        found += damaged > 0;
        nhi_snapshot_close(&s);
    }
    assert_true(found > 0);
    free(bytes);
}

/* A member list too long for one read has a check of its own. */
static void test_long_member_list(void **state)
{
    struct nhi_snapshot s;
    unsigned char *bytes, *list;
    char *names;
    size_t len;

    (void)state;
    assert_int_equal(accounts_publish(scratch_path, 200), NHI_OK);
    bytes = load(&len);
    list = memmem(bytes, len, "magent-00000", 13);
    assert_non_null(list);
    assert_int_equal(list[12 + 12 * 150 - 1], '0'); /* the last digit of the 150th name */
    list[12 + 12 * 150 - 1] = '1';
    save(bytes, len);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
    names = malloc(s.members_len);
    assert_non_null(names);
    assert_int_equal(nhi_snapshot_members(&s, names), NHI_ERR_CORRUPT);
    nhi_snapshot_close(&s);
    free(names);
    free(bytes);
}

static void test_every_byte(void **state)
{
    static const unsigned char flips[] = { 0x01, 0x80, 0xff };
    struct nhi_snapshot s;
    unsigned char *bytes;
    size_t len;
    int found = 0;

    (void)state;
    assert_int_equal(accounts_publish(scratch_path, 3), NHI_OK);
    bytes = load(&len);
    for (size_t i = 0; i < len; i++)
        for (size_t f = 0; f < sizeof(flips); f++) {
            enum nhi_err err;

            bytes[i] ^= flips[f];
            save(bytes, len);
            bytes[i] ^= flips[f];
            err = nhi_snapshot_open(scratch_path, &s);
            if (err != NHI_OK) {
                assert_true(err == NHI_ERR_CORRUPT || err == NHI_ERR_VERSION);
                continue;
            }
            found += ask_everything(&s) > 0;
            nhi_snapshot_close(&s);
        }
    assert_true(found > 0);
    free(bytes);
}

/* Damage with a right check sum, as a faulty writer would leave it: the rules for values stop it. at: within the value
 * of the first account; the check sum follows the value. */
static void forge(const unsigned char *bytes, size_t len, size_t at, unsigned char to)
{
    unsigned char *copy = malloc(len), *value;
    unsigned value_len;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    value = copy + 2048 + 8 + 6 + 36 + 8 + 1 + strlen("agent-00000");
    value_len = cdb_unpack(value - strlen("agent-00000") - 1 - 4) - 4;
    value[at] = to;
    cdb_pack(cdb_hash(value, value_len), value + value_len);
    save(copy, len);
    free(copy);
}

static void test_forged_values(void **state)
{
    /* version, uid (low byte; high bytes), group count, name, home's slash */
    static const struct {
        size_t at;
        unsigned char to;
    } cases[] = { { 0, 2 },
                  { 0, 0 },
                  { 4, 2 },
                  { 4, 0 },
                  { 6, 0 },
                  { 7, 0x80 },
                  { 8, 33 },
                  { 11, 1 },
                  { 12, 'A' },
                  { 12, 'b' },
                  { 12 + 12 + 1, 'x' } };
    struct nhi_account got;
    struct nhi_snapshot s;
    unsigned char *bytes;
    size_t len;

    (void)state;
    assert_int_equal(accounts_publish(scratch_path, 1), NHI_OK);
    bytes = load(&len);
    forge(bytes, len, 13, 'g'); /* no change: shows that this is the right place */
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
    assert_int_equal(nhi_snapshot_by_name(&s, "agent-00000", &got), NHI_OK);
    nhi_snapshot_close(&s);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        forge(bytes, len, cases[i].at, cases[i].to);
        assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_OK);
        if (cases[i].at == 4 && cases[i].to == 2) { /* another uid of the range: that look-up cannot know */
            assert_int_equal(nhi_snapshot_by_name(&s, "agent-00000", &got), NHI_OK);
            assert_int_equal(got.uid, ACCOUNTS_UID_MIN + 2);
        } else {
            assert_int_equal(nhi_snapshot_by_name(&s, "agent-00000", &got), NHI_ERR_CORRUPT);
        }
        nhi_snapshot_close(&s);
    }
    free(bytes);
}

static void test_newer_version(void **state)
{
    struct nhi_snapshot s;
    unsigned char *bytes, *value;
    size_t len;

    (void)state;
    assert_int_equal(accounts_publish(scratch_path, 1), NHI_OK);
    bytes = load(&len);
    value = bytes + 2048 + 8 + 6;
    value[8] = 2;
    cdb_pack(cdb_hash(value, 32), value + 32);
    save(bytes, len);
    assert_int_equal(nhi_snapshot_open(scratch_path, &s), NHI_ERR_VERSION);
    free(bytes);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_length),     TEST(test_every_length_while_open), TEST(test_every_byte),
        TEST(test_long_member_list), TEST(test_forged_values),           TEST(test_newer_version),
    };

    if (!scratch_is_root())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
