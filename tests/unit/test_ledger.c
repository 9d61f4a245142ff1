/* SPDX-License-Identifier: ISC */
/* The ledger: what is opened and what is refused, what is kept, and what is never given twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/schema.h"
#include "tests/lib/state.h"

static enum nhi_err create(void)
{
    return nhi_ledger_create(NHI_STATE_DIR, STATE_HOST, STATE_UID_MIN, STATE_UID_MAX, STATE_NOW);
}

/* The result of both ways to open it; a ledger that opens is closed again. */
static void opens(enum nhi_err want)
{
    enum nhi_ledger_mode mode;

    for (mode = NHI_LEDGER_READ; mode <= NHI_LEDGER_WRITE; mode++) {
        struct nhi_ledger *l = NULL;
        enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, mode, &l);

        nhi_ledger_close(l);
        assert_int_equal(err, want);
        assert_int_equal(l != NULL, want == NHI_OK);
    }
}

static void raw(const char *sql)
{
    int keep = 1;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(STATE_LEDGER, &db), SQLITE_OK);
    (void)sqlite3_file_control(db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void created(void **state)
{
    struct nhi_settings s;
    struct nhi_ledger *l;
    struct stat st;

    (void)state;
    opens(NHI_ERR_NOT_FOUND);
    assert_int_equal(create(), NHI_OK);
    assert_int_equal(create(), NHI_ERR_EXISTS);
    assert_int_equal(stat(STATE_LEDGER, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(STATE_LEDGER "-wal", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(STATE_LEDGER "-shm", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    opens(NHI_OK);
    l = state_open(NHI_LEDGER_READ);
    assert_int_equal(nhi_ledger_settings(l, &s), NHI_OK);
    assert_string_equal(s.host, STATE_HOST);
    assert_int_equal(s.uid_min, STATE_UID_MIN);
    assert_int_equal(s.uid_max, STATE_UID_MAX);
    assert_int_equal(s.next_uid, STATE_UID_MIN + 1);
    assert_int_equal(s.latest, STATE_NOW);
    assert_int_equal(s.created, STATE_NOW);
    assert_string_equal(nhi_ledger_message(l), "no message");
    nhi_ledger_close(l);
    nhi_ledger_close(NULL);
}

static void bad_arguments(void **state)
{
    struct nhi_ledger *l = NULL;

    (void)state;
    assert_int_equal(nhi_ledger_create(NHI_STATE_DIR, "", 65536, 99999, 1), NHI_ERR_ARG);
    assert_int_equal(nhi_ledger_create(NHI_STATE_DIR, "A b", 65536, 99999, 1), NHI_ERR_ARG);
    assert_int_equal(nhi_ledger_create(NHI_STATE_DIR, "h", 999, 99999, 1), NHI_ERR_ARG);
    assert_int_equal(nhi_ledger_create(NHI_STATE_DIR, "h", 65536, 65536, 1), NHI_ERR_ARG);
    assert_int_equal(nhi_ledger_create(NHI_STATE_DIR, "h", 65536, 1u << 31, 1), NHI_ERR_ARG);
    assert_int_equal(state_count(NHI_STATE_DIR, NHI_LEDGER_FILE), 0);
    assert_int_equal(mkdir(NHI_STATE_DIR "/a?mode=memory", 0755), 0);
    assert_int_equal(nhi_ledger_create(NHI_STATE_DIR "/a?mode=memory", "h", 65536, 99999, STATE_NOW), NHI_ERR_ARG);
    assert_int_equal(nhi_ledger_open("lib/nhi", NHI_LEDGER_READ, &l), NHI_ERR_ARG);
    assert_null(l);
}

/* An attempt that was cut off before anything was written may be repeated. */
static void created_again_after_a_cut(void **state)
{
    (void)state;
    state_spill(STATE_LEDGER, "", 0);
    assert_int_equal(create(), NHI_OK);
    opens(NHI_OK);
}

static void unsafe_files(void **state)
{
    static const char *const files[] = { STATE_LEDGER, STATE_LEDGER "-wal", STATE_LEDGER "-shm" };

    (void)state;
    assert_int_equal(create(), NHI_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(chmod(files[i], 0640), 0);
        opens(NHI_ERR_UNSAFE);
        assert_int_equal(chmod(files[i], 0602), 0);
        opens(NHI_ERR_UNSAFE);
        assert_int_equal(chmod(files[i], 0600), 0);
        assert_int_equal(chown(files[i], 1, 0), 0);
        opens(NHI_ERR_UNSAFE);
        assert_int_equal(chown(files[i], 0, 0), 0);
        assert_int_equal(rename(files[i], NHI_STATE_DIR "/away"), 0);
        assert_int_equal(symlink(NHI_STATE_DIR "/away", files[i]), 0);
        opens(NHI_ERR_UNSAFE);
        assert_int_equal(unlink(files[i]), 0);
        assert_int_equal(mkfifo(files[i], 0600), 0);
        opens(NHI_ERR_UNSAFE);
        assert_int_equal(unlink(files[i]), 0);
        assert_int_equal(rename(NHI_STATE_DIR "/away", files[i]), 0);
        opens(NHI_OK);
    }
    assert_int_equal(chmod(NHI_STATE_DIR, 0775), 0);
    opens(NHI_ERR_UNSAFE);
    assert_int_equal(create(), NHI_ERR_UNSAFE);
    assert_int_equal(chmod(NHI_STATE_DIR, 0755), 0);
    assert_int_equal(chown(NHI_STATE_DIR, 1, 0), 0);
    opens(NHI_ERR_UNSAFE);
    assert_int_equal(chown(NHI_STATE_DIR, 0, 0), 0);
}

/* Only the owner of a link can have a ledger made at its target. */
static void no_ledger_through_a_link(void **state)
{
    (void)state;
    assert_int_equal(symlink(NHI_STATE_DIR "/elsewhere", STATE_LEDGER), 0);
    assert_int_not_equal(create(), NHI_OK);
    assert_int_equal(state_count(NHI_STATE_DIR, "elsewhere"), 0);
}

static void not_a_ledger(void **state)
{
    char noise[8192], image[65536];
    size_t len;

    (void)state;
    state_spill(STATE_LEDGER, "", 0);
    opens(NHI_ERR_CORRUPT);
    state_reset("64m");
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)state_random();
    state_spill(STATE_LEDGER, noise, sizeof(noise));
    opens(NHI_ERR_CORRUPT);
    assert_int_equal(create(), NHI_ERR_CORRUPT);
    state_reset("64m");
    raw("CREATE TABLE setting (x); PRAGMA user_version=1");
    assert_int_equal(chmod(STATE_LEDGER, 0600), 0);
    opens(NHI_ERR_CORRUPT);
    assert_int_equal(create(), NHI_ERR_EXISTS);
    /* Cut short: an error, when opening or with the first query. */
    state_reset("64m");
    assert_int_equal(create(), NHI_OK);
    len = state_slurp(STATE_LEDGER, image, sizeof(image));
    assert_true(len > 8192);
    for (size_t i = 512; i < len; i += 4096) {
        struct nhi_settings s;
        struct nhi_ledger *l = NULL;

        state_spill(STATE_LEDGER, image, i);
        if (nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l) == NHI_OK)
            assert_int_not_equal(nhi_ledger_settings(l, &s), NHI_OK);
        nhi_ledger_close(l);
    }
}

static void newer_and_foreign(void **state)
{
    char sql[80];

    (void)state;
    assert_int_equal(create(), NHI_OK);
    snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", nhi_schema_version() + 1);
    raw(sql);
    opens(NHI_ERR_VERSION);
    raw("PRAGMA user_version=0");
    opens(NHI_ERR_CORRUPT);
    snprintf(sql, sizeof(sql), "PRAGMA user_version=%d; PRAGMA application_id=1", nhi_schema_version());
    raw(sql);
    opens(NHI_ERR_CORRUPT);
    raw("PRAGMA application_id=0x6e686903");
    opens(NHI_OK);
}

/* Without its log and index, as after a copy of the database alone: refused until a writer came. */
static void without_companions(void **state)
{
    struct nhi_ledger *l = NULL;

    (void)state;
    assert_int_equal(unlink(STATE_LEDGER "-wal"), 0);
    assert_int_equal(unlink(STATE_LEDGER "-shm"), 0);
    assert_int_not_equal(nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l), NHI_OK);
    assert_null(l);
    nhi_ledger_close(state_open(NHI_LEDGER_WRITE));
    opens(NHI_OK);
}

static void writes_nothing(struct nhi_ledger *l)
{
    struct nhi_task t = { .id = "t", .agent = "ci-bot", .deadline = STATE_NOW + 1 };
    uint32_t live = 7;

    assert_int_equal(nhi_ledger_begin(l, STATE_NOW + 1000), NHI_OK);
    assert_int_not_equal(nhi_task_open(l, &t, STATE_NOW), NHI_OK);
    assert_int_not_equal(nhi_revoke(l, NHI_REVOKE_AGENT, "ci-bot", "x", STATE_NOW, &live), NHI_OK);
    assert_int_equal(live, 7);
    assert_string_not_equal(nhi_ledger_message(l), "no message");
    nhi_ledger_rollback(l);
    nhi_ledger_close(l);
}

static void readers_write_nothing(void **state)
{
    struct nhi_ledger *l = state_begin();

    (void)state;
    assert_int_equal(nhi_ledger_only_reads(l), NHI_ERR_STATE);
    nhi_ledger_rollback(l);
    assert_int_equal(nhi_ledger_only_reads(l), NHI_OK);
    writes_nothing(l);
    writes_nothing(state_open(NHI_LEDGER_READ));
}

static int64_t latest(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    struct nhi_settings s;

    assert_int_equal(nhi_ledger_settings(l, &s), NHI_OK);
    nhi_ledger_close(l);
    return s.latest;
}

static void latest_mark(void **state)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);

    (void)state;
    assert_int_equal(nhi_ledger_begin(l, STATE_NOW + 50), NHI_OK);
    assert_int_equal(nhi_ledger_commit(l), NHI_OK);
    assert_int_equal(latest(), STATE_NOW + 50);
    assert_int_equal(nhi_ledger_begin(l, STATE_NOW + 10), NHI_OK);
    assert_int_equal(nhi_ledger_commit(l), NHI_OK);
    assert_int_equal(latest(), STATE_NOW + 50);
    assert_int_equal(nhi_ledger_begin(l, STATE_NOW + 90), NHI_OK);
    nhi_ledger_rollback(l);
    assert_int_equal(latest(), STATE_NOW + 50);
    assert_int_equal(nhi_ledger_begin(l, STATE_NOW + 20), NHI_OK);
    assert_int_equal(nhi_ledger_set_clock(l, STATE_NOW + 20), NHI_OK);
    state_end(l);
    assert_int_equal(latest(), STATE_NOW + 20);
}

static void rolled_back(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_task t = { .id = "gone", .agent = "ci-bot", .deadline = STATE_NOW + 1 };
    struct nhi_event e = { .at = STATE_NOW, .kind = "task-open" };

    (void)state;
    assert_int_equal(nhi_task_open(l, &t, STATE_NOW), NHI_OK);
    assert_int_equal(nhi_event_add(l, &e), NHI_OK);
    assert_int_equal(nhi_task_get(l, "gone", &t), NHI_OK);
    nhi_ledger_rollback(l);
    nhi_ledger_rollback(l);
    assert_int_equal(nhi_task_get(l, "gone", &t), NHI_ERR_NOT_FOUND);
    /* Closing in the middle leaves nothing either. */
    assert_int_equal(nhi_ledger_begin(l, STATE_NOW), NHI_OK);
    assert_int_equal(nhi_task_open(l, &t, STATE_NOW), NHI_OK);
    nhi_ledger_close(l);
    l = state_open(NHI_LEDGER_READ);
    assert_int_equal(nhi_task_get(l, "gone", &t), NHI_ERR_NOT_FOUND);
    nhi_ledger_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(created, state_empty),
        cmocka_unit_test_setup(bad_arguments, state_empty),
        cmocka_unit_test_setup(created_again_after_a_cut, state_empty),
        cmocka_unit_test_setup(unsafe_files, state_empty),
        cmocka_unit_test_setup(no_ledger_through_a_link, state_empty),
        cmocka_unit_test_setup(not_a_ledger, state_empty),
        cmocka_unit_test_setup(newer_and_foreign, state_empty),
        cmocka_unit_test_setup(without_companions, state_ready),
        cmocka_unit_test_setup(readers_write_nothing, state_ready),
        cmocka_unit_test_setup(latest_mark, state_ready),
        cmocka_unit_test_setup(rolled_back, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
