/* SPDX-License-Identifier: ISC */
/* Compiled statements that are kept: none is lent twice, none keeps a value, an open row or an old schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/ledger/sql.h"
#include "tests/lib/state.h"

#define NAMES "SELECT name FROM agent ORDER BY name"

static sqlite3_stmt *lent(struct nhi_ledger *l, const char *sql)
{
    sqlite3_stmt *st = NULL;

    assert_int_equal(nhi_sql_prepare(l, &st, sql, ""), NHI_OK);
    return st;
}

static void reads(struct nhi_ledger *l, sqlite3_stmt *st, const char *want)
{
    enum nhi_err err = NHI_OK;
    char name[64];

    assert_int_equal(nhi_sql_step(l, st), NHI_OK);
    nhi_sql_text(st, 0, name, sizeof(name), &err);
    assert_int_equal(err, NHI_OK);
    assert_string_equal(name, want);
}

static void nested(void **state)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    sqlite3_stmt *outer, *inner, *again;

    (void)state;
    outer = lent(l, NAMES);
    reads(l, outer, "ci-bot");
    inner = lent(l, NAMES);
    assert_ptr_not_equal(inner, outer);
    reads(l, inner, "ci-bot");
    nhi_sql_done(l, inner);
    again = lent(l, NAMES);
    assert_ptr_equal(again, inner);
    reads(l, again, "ci-bot");
    reads(l, outer, "other-bot");
    nhi_sql_done(l, again);
    nhi_sql_done(l, outer);
    nhi_sql_done(l, NULL);
    nhi_ledger_close(l);
}

static void values(void **state)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    int64_t n = 0;

    (void)state;
    assert_int_equal(nhi_sql_number(l, &n, "SELECT length(?)", "s", "secret"), NHI_OK);
    assert_int_equal(n, 6);
    assert_int_equal(nhi_sql_number(l, &n, "SELECT length(?)", "", NULL), NHI_ERR_NOT_FOUND);
    nhi_ledger_close(l);
}

/* A row that was left open would keep the view of the ledger in which it was read. */
static void left_open(void **state)
{
    struct nhi_ledger *other = state_begin(), *l = state_open(NHI_LEDGER_READ);
    sqlite3_stmt *st = lent(l, NAMES);
    int64_t n = 0;

    (void)state;
    reads(l, st, "ci-bot");
    nhi_sql_done(l, st);
    state_agent(other, "third-bot", STATE_UID_MIN + 9);
    state_end(other);
    assert_int_equal(nhi_sql_number(l, &n, "SELECT count(*) FROM agent", ""), NHI_OK);
    assert_int_equal(n, 3);
    nhi_ledger_close(l);
}

static void failed(void **state)
{
    struct nhi_ledger *l = state_begin();
    int64_t n = 0;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(nhi_sql_run(l, NULL, "INSERT INTO owner VALUES (?,?,'')", "si", "ops", INT64_C(1)),
                         i == 0 ? NHI_OK : NHI_ERR_EXISTS);
    assert_int_equal(nhi_sql_run(l, NULL, "INSERT INTO owner VALUES (?,?,'')", "si", "dev", INT64_C(1)), NHI_OK);
    state_end(l);
    l = state_open(NHI_LEDGER_READ);
    assert_int_equal(nhi_sql_number(l, &n, "SELECT count(*) FROM owner", ""), NHI_OK);
    assert_int_equal(n, 2);
    nhi_ledger_close(l);
}

/* What is published is found by triggers, which may be made after a statement was compiled. */
static void schema(void **state)
{
    const char *const add = "INSERT INTO owner VALUES (?,1,'')";
    struct nhi_ledger *l = state_begin();
    int64_t n = 0;

    (void)state;
    assert_int_equal(nhi_sql_run(l, NULL, add, "s", "ops"), NHI_OK);
    assert_int_equal(nhi_sql_number(l, &n, "SELECT count(*) FROM owner", ""), NHI_OK);
    assert_int_equal(sqlite3_exec(l->db,
                                  "CREATE TEMP TABLE seen (name TEXT); CREATE TEMP TRIGGER on_owner AFTER INSERT ON"
                                  " main.owner BEGIN INSERT INTO seen VALUES (NEW.name); END;",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(nhi_sql_run(l, NULL, add, "s", "dev"), NHI_OK);
    assert_int_equal(nhi_sql_number(l, &n, "SELECT count(*) FROM temp.seen WHERE name = 'dev'", ""), NHI_OK);
    assert_int_equal(n, 1);
    state_end(l);
}

static void many(void **state)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    char sql[64];
    int64_t n = 0;

    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 4 * NHI_SQL_KEPT; i++) {
            snprintf(sql, sizeof(sql), "SELECT %d", i);
            assert_int_equal(nhi_sql_number(l, &n, sql, ""), NHI_OK);
            assert_int_equal(n, i);
        }
    nhi_ledger_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nested, state_ready),    cmocka_unit_test_setup(values, state_ready),
        cmocka_unit_test_setup(left_open, state_ready), cmocka_unit_test_setup(failed, state_ready),
        cmocka_unit_test_setup(schema, state_ready),    cmocka_unit_test_setup(many, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("sql", tests, NULL, NULL);
}
