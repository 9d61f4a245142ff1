/* SPDX-License-Identifier: ISC */
/*
 * Tickets that are bound to a key, in the ledger: which one is found, and what that costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/sql.h" /* to count the steps of a statement */
#include "tests/lib/asked.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW

static void key_of(unsigned n, uint8_t pk[NHI_PK_LEN])
{
    memset(pk, 0, NHI_PK_LEN);
    memcpy(pk, &n, sizeof(n));
}

/* Ticket n, bound to key k. */
static struct nhi_ticket bound(unsigned n, unsigned k)
{
    struct nhi_ticket t = state_ticket(n);

    t.has_cnf = true;
    key_of(k, t.cnf);
    return t;
}

static void record(struct nhi_ledger *l, const struct nhi_ticket *t)
{
    assert_int_equal(nhi_ticket_record(l, t, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
}

static enum nhi_err ask(struct nhi_ledger *l, unsigned k, const char *account, const char *service, int64_t now,
                        unsigned want)
{
    uint8_t pk[NHI_PK_LEN];
    const struct nhi_request asked = { .subject = account, .service = service, .key = pk };
    struct nhi_ticket got;
    char jti[NHI_JTI_LEN + 1];
    enum nhi_err err;

    key_of(k, pk);
    err = ask_for_key(l, &asked, now, &got);
    if (err == NHI_OK) {
        state_jti(want, jti);
        assert_string_equal(got.jti, jti);
    }
    return err;
}

static void found_by_its_key(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = bound(1, 1), plain = state_ticket(2);

    (void)state;
    record(l, &t);
    record(l, &plain);
    assert_int_equal(ask(l, 1, "deploy", "sshd", NOW, 1), NHI_OK);
    assert_int_equal(ask(l, 1, "deploy", "sshd", t.exp - 1, 1), NHI_OK);
    assert_int_equal(ask(l, 1, "deploy", "sshd", t.exp, 0), NHI_ERR_NOT_FOUND);
    assert_int_equal(ask(l, 1, "deploy", "cron", NOW, 0), NHI_ERR_NOT_FOUND);
    assert_int_equal(ask(l, 1, "batch", "sshd", NOW, 0), NHI_ERR_NOT_FOUND);
    assert_int_equal(ask(l, 2, "deploy", "sshd", NOW, 0), NHI_ERR_NOT_FOUND);
    t = bound(3, 1);
    record(l, &t);
    assert_int_equal(ask(l, 1, "deploy", "sshd", NOW, 0), NHI_ERR_EXISTS);
    state_end(l);
}

/* Another host's ticket opens nothing here; its key is an agent's all the same, at accounts that agents use. */
static void of_another_host(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = bound(1, 1), here = state_ticket(2);
    bool any = true;

    (void)state;
    memcpy(t.host, "other", 6);
    record(l, &t);
    assert_int_equal(ask(l, 1, "deploy", "sshd", NOW, 0), NHI_ERR_NOT_FOUND);
    assert_int_equal(ask_any_of_key(l, t.cnf, "deploy", &any), NHI_OK);
    assert_false(any);
    record(l, &here);
    assert_int_equal(ask_any_of_key(l, t.cnf, "deploy", &any), NHI_OK);
    assert_true(any);
    assert_int_equal(ask_any_of_key(l, t.cnf, "alice", &any), NHI_OK);
    assert_false(any);
    state_end(l);
}

static void ended(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = bound(1, 1), next = bound(2, 1);
    bool any = true;
    uint8_t pk[NHI_PK_LEN];

    (void)state;
    record(l, &t);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TICKET, t.jti, "x", NOW, NULL), NHI_OK);
    /* So that the decision can show how it ended. */
    assert_int_equal(ask(l, 1, "deploy", "sshd", NOW, 1), NHI_OK);
    record(l, &next);
    assert_int_equal(ask(l, 1, "deploy", "sshd", NOW, 2), NHI_OK);
    /* Nor does a newer dead one hide it. */
    t = bound(3, 1);
    record(l, &t);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TICKET, t.jti, "x", NOW, NULL), NHI_OK);
    assert_int_equal(ask(l, 1, "deploy", "sshd", NOW, 2), NHI_OK);
    assert_int_equal(ask_any_of_key(l, t.cnf, "deploy", &any), NHI_OK);
    assert_true(any);
    key_of(9, pk);
    assert_int_equal(ask_any_of_key(l, pk, "deploy", &any), NHI_OK);
    assert_false(any);
    state_end(l);
}

static int count(const struct nhi_ticket *t, void *ctx)
{
    int *n = ctx;

    assert_true(t->has_cnf);
    return ++*n == 2;
}

static enum nhi_err each(struct nhi_ledger *l, const char *account, const char *service, int64_t now, int *n)
{
    const struct nhi_request asked = { .subject = account, .service = service };

    return ask_each_key(l, &asked, now, count, n);
}

static void each_live_one(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t, plain = state_ticket(90);
    int n = 0;

    (void)state;
    record(l, &plain);
    for (unsigned i = 1; i <= 2; i++) {
        t = bound(i, i);
        record(l, &t);
    }
    assert_int_equal(each(l, "deploy", "sshd", NOW, &n), NHI_OK);
    assert_int_equal(n, 2);
    n = 0;
    assert_int_equal(each(l, "deploy", "cron", NOW, &n), NHI_OK);
    assert_int_equal(each(l, "batch", "sshd", NOW, &n), NHI_OK);
    assert_int_equal(each(l, "deploy", "sshd", t.exp, &n), NHI_OK);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TASK, "build-1", "x", NOW, NULL), NHI_OK);
    assert_int_equal(each(l, "deploy", "sshd", NOW, &n), NHI_OK);
    assert_int_equal(n, 0);
    state_end(l);
}

static int steps;

static int see_step(void *ctx)
{
    (void)ctx;
    steps++;
    return 0;
}

static int cost(struct nhi_ledger *l)
{
    steps = 0;
    sqlite3_progress_handler(l->db, 1, see_step, NULL);
    assert_int_equal(ask(l, 1, "deploy", "sshd", NOW, 1), NHI_OK);
    sqlite3_progress_handler(l->db, 0, NULL, NULL);
    return steps;
}

/* In steps of SQLite's machine, which do not depend on clock and load. */
static void cost_does_not_grow(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = bound(1, 1);
    int few;

    (void)state;
    record(l, &t);
    few = cost(l);
    for (unsigned i = 2; i < 3000; i++) {
        t = bound(i, i);
        record(l, &t);
    }
    assert_in_range(few, 10, 10000);
    assert_in_range(cost(l), 10, few + 20);
    state_end(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(found_by_its_key, state_ready),
        cmocka_unit_test_setup(of_another_host, state_ready),
        cmocka_unit_test_setup(ended, state_ready),
        cmocka_unit_test_setup(each_live_one, state_ready),
        cmocka_unit_test_setup(cost_does_not_grow, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("ledger_key", tests, NULL, NULL);
}
