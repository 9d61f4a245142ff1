/* SPDX-License-Identifier: ISC */
/*
 * Damage to the account snapshot: every length it can be cut to, every byte that can be wrong, read from the file and
 * from a mapping. An error is right, and so is the right answer; a crash, a wrong account and a miss are not.
 * Invariants: 10, 20.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/snapshot/snapshot_format.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "tests/lib/accounts.h"
#include "tests/lib/state.h"

#define FILE_NAME NHI_STATE_DIR "/accounts" /* on a tmpfs here */
#define COUNT 3

static void save(const void *bytes, size_t len)
{
    int fd = open(FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static unsigned char *load(size_t *len)
{
    unsigned char *bytes = malloc(1 << 16);

    assert_non_null(bytes);
    *len = state_slurp(FILE_NAME, bytes, 1 << 16);
    assert_in_range(*len, 1, (1 << 16) - 1);
    return bytes;
}

/* Returns 1 if the damage was found. */
static int right_or_corrupt(enum nhi_err err, const struct nhi_account *got, uint32_t i)
{
    struct nhi_account want = accounts_nth(i);

    if (err == NHI_OK)
        assert_true(accounts_same(got, &want));
    else
        assert_int_equal(err, NHI_ERR_CORRUPT);
    return err == NHI_ERR_CORRUPT;
}

/* Asks everything of a damaged snapshot. Returns how many questions found it damaged. */
static int ask_everything(const struct nhi_snapshot *s)
{
    struct nhi_account got;
    enum nhi_err err;
    int found = 0;

    for (uint32_t i = 0; i < COUNT; i++) {
        struct nhi_account want = accounts_nth(i);

        found += right_or_corrupt(nhi_snapshot_by_name(s, want.name, &got), &got, i);
        found += right_or_corrupt(nhi_snapshot_by_uid(s, want.uid, &got), &got, i);
        found += right_or_corrupt(nhi_snapshot_by_index(s, i, &got), &got, i);
    }
    err = nhi_snapshot_by_name(s, "agent-00003", &got);
    assert_true(err == NHI_ERR_NOT_FOUND || err == NHI_ERR_CORRUPT);
    err = nhi_snapshot_by_uid(s, ACCOUNTS_UID_MIN + 1 + COUNT, &got);
    assert_true(err == NHI_ERR_NOT_FOUND || err == NHI_ERR_CORRUPT);
    return found;
}

#define QUESTIONS (3 * COUNT) /* of ask_everything that have an answer */

static void every_length(void **state)
{
    struct nhi_snapshot s;
    unsigned char *bytes;
    size_t len;

    (void)state;
    assert_int_equal(accounts_publish(FILE_NAME, COUNT), NHI_OK);
    bytes = load(&len);
    for (size_t cut = 0; cut < len; cut++) {
        save(bytes, cut);
        assert_int_equal(nhi_snapshot_open(FILE_NAME, &s), NHI_ERR_CORRUPT);
    }
    free(bytes);
}

/* Cut while it is open by its descriptor: its size is already known, and reads must notice. */
static void every_length_while_open(void **state)
{
    struct nhi_snapshot s;
    unsigned char *bytes;
    size_t len;

    (void)state;
    assert_int_equal(accounts_publish(FILE_NAME, COUNT), NHI_OK);
    bytes = load(&len);
    for (size_t cut = 0; cut < len; cut++) {
        save(bytes, len);
        assert_int_equal(nhi_snapshot_open(FILE_NAME, &s), NHI_OK);
        assert_int_equal(truncate(FILE_NAME, (off_t)cut), 0);
        if (cut <= NHI_SNAPSHOT_HEADER_LEN) /* nothing is left of which an answer could be made */
            assert_int_equal(ask_everything(&s), QUESTIONS);
        else
            assert_int_not_equal(ask_everything(&s), 0);
        nhi_snapshot_close(&s);
    }
    free(bytes);
}

/* Damage is refused when the file is opened or found by a question, unless no part of the file has that byte. Returns
 * whether anything was found. */
static bool is_found(const unsigned char *bytes, size_t len, bool mapped)
{
    struct nhi_snapshot s;
    enum nhi_err err;
    int found;

    save(bytes, len);
    err = nhi_snapshot_open(FILE_NAME, &s);
    if (err != NHI_OK) {
        assert_true(err == NHI_ERR_CORRUPT || err == NHI_ERR_VERSION);
        return true;
    }
    if (mapped && !nhi_snapshot_map(&s))
        assert_true(s.replaced);
    found = ask_everything(&s);
    nhi_snapshot_close(&s);
    return found > 0;
}

/* Bytes that nothing reads: the mark, and what aligns records and tables. All others must be found. */
static void every_byte(void **state)
{
    static const unsigned char flips[] = { 0x01, 0x80, 0xff };
    unsigned char *bytes;
    size_t len, unread = 0, most = NHI_SNAPSHOT_BUCKET_LEN + COUNT * NHI_SNAPSHOT_ALIGN + 4;

    (void)state;
    assert_int_equal(accounts_publish(FILE_NAME, COUNT), NHI_OK);
    bytes = load(&len);
    for (size_t i = 0; i < len; i++) {
        bool read = bytes[i] != 0;

        for (size_t f = 0; f < sizeof(flips); f++)
            for (int mapped = 0; mapped < 2; mapped++) {
                bool found;

                bytes[i] ^= flips[f];
                found = is_found(bytes, len, mapped);
                bytes[i] ^= flips[f];
                assert_true(found || !read);
                read = read || found;
            }
        unread += !read;
    }
    assert_in_range(unread, 4, most);
    free(bytes);
}

/* Damage with a right sum, as a faulty writer would leave it: the rules for numbers stop it. at: within the first
 * record. */
static void forge(const unsigned char *bytes, size_t len, size_t at, unsigned char to)
{
    unsigned char *copy = malloc(len), *record;
    size_t record_len;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    record = copy + NHI_SNAPSHOT_HEADER_LEN;
    record_len = nhi_snapshot_align(nhi_snapshot_get16(record + NHI_SNAPSHOT_AT_LEN));
    record[at] = to;
    nhi_snapshot_put(record, nhi_snapshot_sum(record + NHI_SNAPSHOT_SUM_LEN, record_len - NHI_SNAPSHOT_SUM_LEN),
                     NHI_SNAPSHOT_SUM_LEN);
    save(copy, len);
    free(copy);
}

static void forged_records(void **state)
{
    enum { UID = NHI_SNAPSHOT_AT_UID, GROUPS = NHI_SNAPSHOT_AT_GROUP_COUNT, NAME = NHI_SNAPSHOT_FIXED_LEN };
    const size_t home = NAME + sizeof("agent-00000") + 1; /* the gecos is empty */
    const struct {
        size_t at;
        unsigned char to;
    } cases[] = { { UID, 0 },  { UID + 2, 0 }, { UID + 3, 0x80 }, { GROUPS, 33 }, { NAME, 'A' },    { NAME, 'b' },
                  { NAME, 0 }, { home, 'x' },  { home - 1, 'x' }, { UID, 2 },     { GROUPS + 1, 1 } };
    struct nhi_account got;
    struct nhi_snapshot s;
    unsigned char *bytes;
    enum nhi_err err;
    size_t len;

    (void)state;
    assert_int_equal(accounts_publish(FILE_NAME, 1), NHI_OK);
    bytes = load(&len);
    forge(bytes, len, NAME + 1, 'g'); /* no change: shows that this is the right place */
    assert_int_equal(nhi_snapshot_open(FILE_NAME, &s), NHI_OK);
    assert_int_equal(nhi_snapshot_by_name(&s, "agent-00000", &got), NHI_OK);
    nhi_snapshot_close(&s);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        forge(bytes, len, cases[i].at, cases[i].to);
        assert_int_equal(nhi_snapshot_open(FILE_NAME, &s), NHI_OK);
        err = nhi_snapshot_by_name(&s, "agent-00000", &got);
        if (cases[i].at == UID && cases[i].to == 2) /* another uid of the range: that look-up cannot know */
            assert_int_equal(err, NHI_OK);
        else if (cases[i].at == NAME && cases[i].to != 0) /* as if it had the same tag */
            assert_int_equal(err, NHI_ERR_NOT_FOUND);
        else
            assert_int_equal(err, NHI_ERR_CORRUPT);
        assert_int_equal(nhi_snapshot_by_uid(&s, ACCOUNTS_UID_MIN + 1, &got),
                         cases[i].at == NAME && cases[i].to != 0 ? NHI_OK : NHI_ERR_CORRUPT);
        nhi_snapshot_close(&s);
    }
    free(bytes);
}

/* A group of the system, in a record that has one. */
static void forged_group(void **state)
{
    static const uint32_t gids[] = { 0, 27, 999, 65534, ACCOUNTS_UID_MIN, ACCOUNTS_UID_MIN + 2, UINT32_MAX };
    struct nhi_account got;
    struct nhi_snapshot s;
    unsigned char *bytes, *record;
    size_t len, record_len;

    (void)state;
    assert_int_equal(accounts_publish(FILE_NAME, 2), NHI_OK); /* the second one has a group */
    bytes = load(&len);
    record = memmem(bytes, len, "agent-00001", 11);
    assert_non_null(record);
    record -= NHI_SNAPSHOT_FIXED_LEN + 4;
    record_len = nhi_snapshot_align(nhi_snapshot_get16(record + NHI_SNAPSHOT_AT_LEN));
    for (size_t i = 0; i < sizeof(gids) / sizeof(gids[0]); i++) {
        nhi_snapshot_put(record + NHI_SNAPSHOT_FIXED_LEN, gids[i], 4);
        nhi_snapshot_put(record, nhi_snapshot_sum(record + NHI_SNAPSHOT_SUM_LEN, record_len - NHI_SNAPSHOT_SUM_LEN),
                         NHI_SNAPSHOT_SUM_LEN);
        save(bytes, len);
        assert_int_equal(nhi_snapshot_open(FILE_NAME, &s), NHI_OK);
        assert_int_equal(nhi_snapshot_by_name(&s, "agent-00001", &got), NHI_ERR_CORRUPT);
        assert_int_equal(nhi_snapshot_by_name(&s, "agent-00000", &got), NHI_OK);
        nhi_snapshot_close(&s);
    }
    free(bytes);
}

/* References that lead to the record of another account. */
static void forged_index(void **state)
{
    struct nhi_account got;
    struct nhi_snapshot s;
    unsigned char *bytes, *index, first[NHI_SNAPSHOT_REF_LEN];
    size_t len;

    (void)state;
    assert_int_equal(accounts_publish(FILE_NAME, 2), NHI_OK);
    bytes = load(&len);
    index = bytes + len - 2 * sizeof(first);
    memcpy(first, index, sizeof(first));
    memcpy(index, index + sizeof(first), sizeof(first));
    memcpy(index + sizeof(first), first, sizeof(first));
    save(bytes, len);
    assert_int_equal(nhi_snapshot_open(FILE_NAME, &s), NHI_OK);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(nhi_snapshot_by_index(&s, i, &got), NHI_ERR_CORRUPT);
    nhi_snapshot_close(&s);
    free(bytes);
}

/* A header whose sum is right and whose numbers lead outside of the file. */
static void forged_header(void **state)
{
    static const struct {
        size_t at;
        int bytes;
        uint64_t to;
        enum nhi_err want;
    } cases[] = {
        { NHI_SNAPSHOT_AT_VERSION, 4, 4, NHI_ERR_VERSION },
        { NHI_SNAPSHOT_AT_VERSION, 4, 2, NHI_ERR_CORRUPT },
        { NHI_SNAPSHOT_AT_SIZE, 8, 1 << 20, NHI_ERR_CORRUPT },
        { NHI_SNAPSHOT_AT_TABLES, 8, 0, NHI_ERR_CORRUPT },
        { NHI_SNAPSHOT_AT_TABLES, 8, UINT64_MAX - 63, NHI_ERR_CORRUPT },
        { NHI_SNAPSHOT_AT_UID_MIN, 4, 999, NHI_ERR_CORRUPT },
        { NHI_SNAPSHOT_AT_UID_MAX, 4, UINT32_MAX, NHI_ERR_CORRUPT },
        { NHI_SNAPSHOT_AT_UID_MAX, 4, ACCOUNTS_UID_MIN + 1, NHI_ERR_CORRUPT },
        { NHI_SNAPSHOT_AT_COUNT, 4, UINT32_MAX, NHI_ERR_CORRUPT },
        { NHI_SNAPSHOT_AT_BUCKETS, 4, 0, NHI_ERR_CORRUPT },
        { NHI_SNAPSHOT_AT_BUCKETS, 4, UINT32_MAX, NHI_ERR_CORRUPT },
    };
    struct nhi_snapshot s;
    unsigned char *bytes, h[NHI_SNAPSHOT_HEADER_LEN];
    size_t len;

    (void)state;
    assert_int_equal(accounts_publish(FILE_NAME, COUNT), NHI_OK);
    bytes = load(&len);
    memcpy(h, bytes, sizeof(h));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(bytes, h, sizeof(h));
        nhi_snapshot_put(bytes + cases[i].at, cases[i].to, cases[i].bytes);
        nhi_snapshot_put(bytes + NHI_SNAPSHOT_AT_HEADER_SUM, nhi_snapshot_sum(bytes, NHI_SNAPSHOT_AT_HEADER_SUM),
                         NHI_SNAPSHOT_SUM_LEN);
        save(bytes, len);
        assert_int_equal(nhi_snapshot_open(FILE_NAME, &s), cases[i].want);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_length, state_empty),
        cmocka_unit_test_setup(every_length_while_open, state_empty),
        cmocka_unit_test_setup(every_byte, state_empty),
        cmocka_unit_test_setup(forged_records, state_empty),
        cmocka_unit_test_setup(forged_group, state_empty),
        cmocka_unit_test_setup(forged_index, state_empty),
        cmocka_unit_test_setup(forged_header, state_empty),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("snapshot_damage", tests, NULL, NULL);
}
