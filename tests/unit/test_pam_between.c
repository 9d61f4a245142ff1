/* SPDX-License-Identifier: ISC */
/*
 * What happens between two phases of one login, whose facts are kept in the handle of PAM: whatever ends access denies
 * in the next phase, and what does not concern the ticket denies nothing. Invariants: 2, 4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/reserve/reserve_write.h"
#include "libnhi/state/state_write.h"
#include "tests/lib/calls.h"

static struct nhi_ticket shown;

static void end(enum nhi_revoke_kind kind, const char *id)
{
    struct nhi_ledger *l = world_ledger();

    assert_int_equal(nhi_revoke(l, kind, id, "cancelled", time(NULL), NULL), NHI_OK);
    world_commit(l);
}

/* ---- what ends access ---- */

static void revoke_ticket(void)
{
    end(NHI_REVOKE_TICKET, shown.jti);
}

static void revoke_its_task(void)
{
    end(NHI_REVOKE_TASK, shown.task);
}

static void suspend(void)
{
    world_sql("UPDATE agent SET state = 2 WHERE name = 'ci-bot'");
}

static void close_task(void)
{
    world_sql("UPDATE task SET state = 2");
}

static void retire_issuer(void)
{
    world_sql("UPDATE issuer SET state = 3");
}

static void change_policy(void)
{
    struct nhi_rule rule = { .name = "none", .forbid = true };
    struct nhi_ledger *l = world_ledger();

    snprintf(rule.agents, sizeof(rule.agents), "ci-bot");
    snprintf(rule.accounts, sizeof(rule.accounts), "*");
    snprintf(rule.services, sizeof(rule.services), "*");
    assert_int_equal(nhi_policy_replace(l, &rule, 1, WORLD_HASH, time(NULL)), NHI_OK);
    world_commit(l);
}

static void reserve_ticket(void)
{
    assert_int_equal(nhi_reserve_add(NHI_STATE_DIR, NHI_REVOKE_TICKET, shown.jti, time(NULL)), NHI_OK);
}

static void reserve_for_now(void)
{
    assert_int_equal(nhi_reserve_add_for_now(NHI_RUN_DIR, NHI_REVOKE_TASK, shown.task, time(NULL)), NHI_OK);
}

/* A writer that was killed has added a record, and not said that it is all: what the key leads to is being changed, or
 * has that value. */
static void begin_change(const struct nhi_fact_key *key, const struct nhi_value *value)
{
    struct nhi_state_writer *w = NULL;

    assert_int_equal(nhi_state_begin(NHI_RUN_DIR, NHI_STATE_DIR, 5000, &w), NHI_OK);
    assert_int_equal(nhi_state_add(w, INT32_MAX, key, value), NHI_OK);
    nhi_state_end(w);
}

static void begin_revoking(void)
{
    const struct nhi_fact_key key = nhi_fact_key_revoked(NHI_REVOKE_TICKET, shown.jti);
    const struct nhi_value nothing_more = { .len = 0 };

    begin_change(&key, &nothing_more);
}

static void begin_suspending(void)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_AGENT, "ci-bot");

    begin_change(&key, NULL);
}

static void lose_state(void)
{
    assert_int_equal(unlink(NHI_RUN_DIR "/" NHI_STATE_FILE), 0);
}

/* ---- what does not concern it ---- */

static void nothing(void)
{
}

static void other_ticket(void)
{
    char jti[NHI_JTI_LEN + 1];

    assert_int_equal(nhi_id_new(jti), NHI_OK);
    end(NHI_REVOKE_TICKET, jti);
}

static void other_agent(void)
{
    world_sql("UPDATE agent SET state = 2 WHERE name = 'other-bot'");
}

static void other_task(void)
{
    struct nhi_task task = { .id = "build-2", .agent = "ci-bot", .deadline = time(NULL) + 7200 };
    struct nhi_ledger *l = world_ledger();

    assert_int_equal(nhi_task_open(l, &task, time(NULL)), NHI_OK);
    world_commit(l);
}

static void begin_suspending_another(void)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_AGENT, "other-bot");

    begin_change(&key, NULL);
}

static void all_published_anew(void)
{
    lose_state();
    other_ticket();
}

static const struct {
    void (*what)(void);
    bool ends;
} events[] = {
    { revoke_ticket, true },
    { revoke_its_task, true },
    { suspend, true },
    { close_task, true },
    { retire_issuer, true },
    { change_policy, true },
    { reserve_ticket, true },
    { reserve_for_now, true },
    { begin_revoking, true },
    { begin_suspending, true },
    { lose_state, true },
    { nothing, false },
    { other_ticket, false },
    { other_agent, false },
    { other_task, false },
    { begin_suspending_another, false },
    { all_published_anew, false },
};

static size_t event;
static int account;

static void then_account(void)
{
    events[event].what();
    account = pam_acct_mgmt(world_handle(), 0);
}

static void then_open(void)
{
    events[event].what();
}

/* Twice, in the second run after what the first left in its handle. */
static void then_account_twice(void)
{
    then_account();
    if (account == PAM_SUCCESS)
        account = pam_acct_mgmt(world_handle(), 0);
}

static void run(size_t i, const struct world_call *with)
{
    struct world_call c = *with;
    char *text;
    int rc;

    for (int way = 0; way < 3; way++) {
        world_reset();
        shown = world_ticket();
        text = world_mint(&shown);
        c.reply = text;
        event = i;
        account = PAM_SUCCESS;
        rc = way == 2 ? world_run_here(&c, WORLD_AUTH | WORLD_ACCOUNT | WORLD_OPEN, then_open)
                      : world_run_here(&c, WORLD_AUTH, way == 0 ? then_account : then_account_twice);
        assert_int_equal(rc, way == 2 && events[i].ends ? PAM_PERM_DENIED : PAM_SUCCESS);
        if (way != 2)
            assert_int_equal(account, events[i].ends ? PAM_PERM_DENIED : PAM_SUCCESS);
        nhi_text_free(text);
    }
}

static void test_events(void **state)
{
    struct world_call c = login("ci-bot", NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        run(i, &c);
}

/* The clock is looked at in each phase: a ticket that expires on the way ends there. */
static void expire(void)
{
    while (time(NULL) < shown.exp)
        usleep(50000);
}

static void test_expires(void **state)
{
    struct world_call c = login("ci-bot", NULL);
    char *text;

    (void)state;
    shown = world_ticket();
    shown.exp = shown.iat + 2;
    text = world_mint(&shown);
    c.reply = text;
    assert_int_equal(world_run_here(&c, WORLD_AUTH | WORLD_ACCOUNT | WORLD_OPEN, expire), PAM_PERM_DENIED);
    nhi_text_free(text);
}

/* Two tickets in one transaction: a second try shows another one, whose facts are others. */
static char *second;
static struct world_call *asked;

static void show_another(void)
{
    asked->reply = second;
    account = pam_authenticate(world_handle(), 0);
}

static void test_another_ticket(void **state)
{
    struct world_call c = login("ci-bot", NULL);
    struct nhi_ticket other;
    char *text;

    (void)state;
    asked = &c;
    shown = world_ticket();
    text = world_mint(&shown);
    other = world_ticket();
    second = world_mint(&other);
    end(NHI_REVOKE_TICKET, other.jti);
    c.reply = text;
    assert_int_equal(world_run_here(&c, WORLD_AUTH, show_another), PAM_SUCCESS);
    assert_int_equal(account, PAM_AUTH_ERR);
    nhi_text_free(text);
    nhi_text_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_events, fresh),
        cmocka_unit_test_setup(test_expires, fresh),
        cmocka_unit_test_setup(test_another_ticket, fresh),
    };

    if (!world_enter())
        return 0;
    return cmocka_run_group_tests_name("pam_between", tests, NULL, NULL);
}
