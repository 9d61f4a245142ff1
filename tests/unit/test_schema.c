/* SPDX-License-Identifier: ISC */
/*
 * A ledger of version 1 under a release with two more versions (tests/next): a writer takes each step in order, all of
 * them or none; a reader waits for that; and a ledger of a still later release is left alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/ledger/ledger_copy.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/schema.h"
#include "tests/lib/state.h"

#define TEXT_MAX 65536
#define TICKET "hQX_p3ZMHcRuNlqGqIg5ZQ"
#define OLD_EVENTS 11
#define MADE_UP "SELECT group_concat(agent || '=' || colour) FROM made_up"

static char text[TEXT_MAX]; /* of the old ledger */

static const char *own_vectors(void)
{
    const char *dir = getenv("NHI_OWN_VECTORS");

    return dir != NULL ? dir : "tests/vectors";
}

/* Like a writer of ours, it leaves the log in its place: readers do not make one. */
static sqlite3 *connect_to(const char *path)
{
    int persist = 1;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_file_control(db, NULL, SQLITE_FCNTL_PERSIST_WAL, &persist), SQLITE_OK);
    return db;
}

static void run(const char *path, const char *sql)
{
    sqlite3 *db = connect_to(path);
    char *why = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s", why);
    sqlite3_close(db);
}

/* The first column of the first row. */
static void ask(const char *sql, char out[TEXT_MAX])
{
    sqlite3 *db = connect_to(STATE_LEDGER);
    sqlite3_stmt *st = NULL;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    snprintf(out, TEXT_MAX, "%s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static int version(void)
{
    static char out[TEXT_MAX];

    ask("PRAGMA user_version", out);
    return atoi(out);
}

/* As version 1 made it, in the place of the present one. */
static void put_old(void)
{
    run(STATE_LEDGER, text);
    run(STATE_LEDGER, "PRAGMA journal_mode=WAL");
}

static void opens(enum nhi_ledger_mode mode, enum nhi_err expected)
{
    struct nhi_ledger *l = NULL;

    assert_int_equal(nhi_ledger_open(NHI_STATE_DIR, mode, &l), expected);
    nhi_ledger_close(l);
}

static void takes_each_step(void **state)
{
    static char old[TEXT_MAX], fresh[TEXT_MAX], out[TEXT_MAX];
    static const char all[] = "SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM sqlite_schema ORDER BY name)";

    (void)state;
    assert_int_equal(nhi_schema_version(), 3);
    put_old();
    opens(NHI_LEDGER_READ, NHI_ERR_STATE);
    assert_int_equal(version(), 1);
    opens(NHI_LEDGER_WRITE, NHI_OK);
    assert_int_equal(version(), 3);
    opens(NHI_LEDGER_READ, NHI_OK);
    ask(MADE_UP, out);
    assert_string_equal(out, "ci-bot=grey,gone-bot=grey,held-bot=red");
    ask(all, old);
    /* A new ledger takes the same steps. */
    state_reset("64m");
    assert_int_equal(nhi_ledger_create(NHI_STATE_DIR, STATE_HOST, STATE_UID_MIN, STATE_UID_MAX, STATE_NOW), NHI_OK);
    assert_int_equal(version(), 3);
    ask(all, fresh);
    assert_non_null(strstr(fresh, "made_up"));
    assert_string_equal(old, fresh);
}

/* The second step fails: the first was not taken either. */
static void takes_all_or_none(void **state)
{
    static char out[TEXT_MAX];

    (void)state;
    put_old();
    run(STATE_LEDGER, "CREATE TABLE made_up (x)");
    opens(NHI_LEDGER_WRITE, NHI_ERR_CORRUPT);
    assert_int_equal(version(), 1);
    ask("SELECT count(*) FROM pragma_table_info('agent') WHERE name = 'colour'", out);
    assert_string_equal(out, "0");
    run(STATE_LEDGER, "DROP TABLE made_up");
    opens(NHI_LEDGER_WRITE, NHI_OK);
    assert_int_equal(version(), 3);
}

static void leaves_a_newer_one(void **state)
{
    (void)state;
    put_old();
    run(STATE_LEDGER, "PRAGMA user_version=4");
    opens(NHI_LEDGER_READ, NHI_ERR_VERSION);
    opens(NHI_LEDGER_WRITE, NHI_ERR_VERSION);
    assert_int_equal(version(), 4);
}

/* The image of an old one, as a backup is opened. */
static void brings_a_copy_forward(void **state)
{
    static unsigned char image[1 << 20];
    struct nhi_ledger *copy = NULL;
    size_t len;

    (void)state;
    run(STATE_LEDGER, text);
    run(STATE_LEDGER, "PRAGMA journal_mode=DELETE");
    len = state_slurp(STATE_LEDGER, image, sizeof(image));
    assert_int_equal(nhi_copy_open(image, len, &copy), NHI_OK);
    nhi_ledger_close(copy);
    assert_int_equal(version(), 1);
    run(STATE_LEDGER, "PRAGMA user_version=4");
    len = state_slurp(STATE_LEDGER, image, sizeof(image));
    assert_int_equal(nhi_copy_open(image, len, &copy), NHI_ERR_VERSION);
}

static struct nhi_event seen[32];
static int events;

static int see(const struct nhi_event *e, void *ctx)
{
    (void)ctx;
    assert_true(events < 32);
    seen[events] = *e;
    seen[events++].detail = NULL;
    return 0;
}

static void read_events(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);

    events = 0;
    assert_int_equal(nhi_event_each(l, 0, 1000, see, NULL), NHI_OK);
    nhi_ledger_close(l);
}

/* Its chain continues. */
static void keeps_its_events(void **state)
{
    static const char *const kinds[OLD_EVENTS] = {
        "init",         "agent-add", "agent-add", "agent-add", "agent-suspend", "agent-retire",
        "policy-apply", "task-open", "issue",     "denial",    "grant",
    };
    char prev[NHI_DIGEST_LEN + 1] = NHI_NO_EVENT;
    struct nhi_event last = { .at = STATE_NOW, .kind = "revoke", .jti = TICKET };
    struct nhi_ledger *l;

    (void)state;
    put_old();
    l = state_begin();
    assert_int_equal(nhi_event_add(l, &last), NHI_OK);
    state_end(l);
    read_events();
    assert_int_equal(events, OLD_EVENTS + 1);
    for (int i = 0; i < OLD_EVENTS; i++)
        assert_string_equal(seen[i].kind, kinds[i]);
    for (int i = 0; i < events; i++) {
        assert_int_equal(seen[i].seq, i + 1);
        assert_string_equal(seen[i].prev, prev);
        assert_string_equal(seen[i].host, "testhost");
        memcpy(prev, seen[i].hash, sizeof(prev));
    }
    assert_string_equal(seen[10].account, "deploy");
    assert_string_equal(seen[10].decision, "permit");
    assert_string_equal(seen[10].from, "192.0.2.7");
    assert_string_equal(seen[10].owner, "ops@example.org");
    assert_string_equal(seen[10].record, "AAAAAAAAAAAAAAAAAAAAAA");
    assert_string_equal(seen[9].reason, "service");
    assert_string_equal(seen[9].decision, "deny");
    /* What the ledger knows about a ticket and a task need not be given. */
    assert_string_equal(seen[11].agent, "ci-bot");
    assert_string_equal(seen[11].task, "build-4711");
    assert_string_equal(seen[11].kid, "krlmzdxb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(takes_each_step, state_empty),
        cmocka_unit_test_setup(takes_all_or_none, state_empty),
        cmocka_unit_test_setup(leaves_a_newer_one, state_empty),
        cmocka_unit_test_setup(keeps_its_events, state_empty),
        cmocka_unit_test_setup(brings_a_copy_forward, state_empty),
    };
    char path[4096];
    size_t len;
    FILE *f;

    snprintf(path, sizeof(path), "%s/ledger-1.sql", own_vectors());
    f = fopen(path, "r");
    len = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;
    if (f != NULL)
        fclose(f);
    if (len == 0) {
        printf("not ok 1 - cannot go on: no %s\n", path);
        return 1;
    }
    if (!state_enter())
        return 0;
    umask(077);
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
