/* SPDX-License-Identifier: ISC */
/* No statement of a writer reads a whole table that grows: what others have does not slow one's own change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_owner.h"
#include "libnhi/ledger/ledger_session.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/sql.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW
#define OTHERS 500u
#define MOST 50 /* rows: more than the writers' own, fewer than the others' */

/* Rows that the kept statements read without an index so far. */
static int scanned(const struct nhi_ledger *l, const char **sql)
{
    int most = 0;

    for (size_t i = 0; i < NHI_SQL_KEPT; i++) {
        int n = l->kept[i] != NULL ? sqlite3_stmt_status(l->kept[i], SQLITE_STMTSTATUS_FULLSCAN_STEP, 1) : 0;

        if (n > most) {
            most = n;
            *sql = sqlite3_sql(l->kept[i]);
        }
    }
    return most;
}

/* The most steps that one of the kept statements took so far: at least one for each row that it looked at. */
static int stepped(const struct nhi_ledger *l, const char **sql)
{
    int most = 0;

    for (size_t i = 0; i < NHI_SQL_KEPT; i++) {
        int n = l->kept[i] != NULL ? sqlite3_stmt_status(l->kept[i], SQLITE_STMTSTATUS_VM_STEP, 1) : 0;

        if (n > most) {
            most = n;
            *sql = sqlite3_sql(l->kept[i]);
        }
    }
    return most;
}

static struct nhi_ticket ticket_of(unsigned n, const char *agent, const char *task)
{
    struct nhi_ticket t = state_ticket(n);

    snprintf(t.agent, sizeof(t.agent), "%s", agent);
    snprintf(t.task, sizeof(t.task), "%s", task);
    return t;
}

static void add_other(struct nhi_ledger *l, unsigned i)
{
    struct nhi_task task = { .deadline = NOW + 7200 };
    struct nhi_event e = { .at = NOW, .kind = "made" };
    struct nhi_grant g = state_grant(1000 + i, 1000 + i);
    char name[16], jti[NHI_JTI_LEN + 1];
    struct nhi_ticket t;

    snprintf(name, sizeof(name), "x-%u", i);
    state_agent(l, name, STATE_UID_MIN + 10 + i);
    memcpy(task.id, name, sizeof(name));
    memcpy(task.agent, name, sizeof(name));
    assert_int_equal(nhi_task_open(l, &task, NOW), NHI_OK);
    t = ticket_of(1000 + i, name, name);
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
    state_jti(100000 + i, jti);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TICKET, jti, "x", NOW, NULL), NHI_OK);
    assert_int_equal(nhi_event_add(l, &e), NHI_OK);
    assert_int_equal(nhi_session_note(l, &g, name), NHI_OK);
}

static int none(const struct nhi_agent *a, void *ctx)
{
    (void)a;
    (void)ctx;
    return 0;
}

static int no_jti(const char *jti, void *ctx)
{
    (void)jti;
    (void)ctx;
    return 0;
}

static void agents(struct nhi_ledger *l)
{
    char name[NHI_AGENT_MAX + 1], reason[NHI_TEXT_MAX + 1];
    struct nhi_agent a;
    int64_t since;

    state_agent(l, "new-bot", STATE_UID_MIN + 20 + OTHERS);
    assert_int_equal(nhi_agent_get(l, "new-bot", &a), NHI_OK);
    assert_int_equal(nhi_agent_with_uid(l, STATE_UID_MIN + 20 + OTHERS, name), NHI_OK);
    assert_string_equal(name, "new-bot");
    assert_int_equal(nhi_agent_with_uid(l, STATE_UID_MIN + 21 + OTHERS, name), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_agent_transfer(l, "new-bot", "dev"), NHI_OK);
    assert_int_equal(nhi_agent_each_of(l, "dev", none, NULL), NHI_OK);
    assert_int_equal(nhi_owner_offboard(l, "eve", "left", NOW), NHI_OK);
    assert_int_equal(nhi_owner_left(l, "eve", &since, reason), NHI_OK);
    assert_int_equal(since, NOW);
    assert_string_equal(reason, "left");
    assert_int_equal(nhi_owner_left(l, "dev", &since, reason), NHI_OK);
    assert_int_equal(since, 0);
    assert_int_equal(nhi_agent_change(l, &a), NHI_OK);
    assert_int_equal(nhi_agent_set_state(l, "new-bot", NHI_AGENT_SUSPENDED, "x", NOW), NHI_OK);
    assert_int_equal(nhi_agent_set_state(l, "new-bot", NHI_AGENT_ACTIVE, "x", NOW), NHI_OK);
}

static void tasks(struct nhi_ledger *l)
{
    struct nhi_task t = { .id = "one", .agent = "other-bot", .deadline = NOW + 7200 };
    char id[NHI_TASK_MAX + 1];

    assert_int_equal(nhi_task_open_of(l, "other-bot", NOW, id), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_task_open(l, &t, NOW), NHI_OK);
    assert_int_equal(nhi_task_open_of(l, "other-bot", NOW, id), NHI_OK);
    assert_string_equal(id, "one");
    assert_int_equal(nhi_task_open_of(l, "other-bot", NOW + 7200, id), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_task_close(l, "one", "done", NOW), NHI_OK);
    assert_int_equal(nhi_task_open_of(l, "other-bot", NOW, id), NHI_ERR_NOT_FOUND);
}

static int no_task(const struct nhi_task *t, int64_t at, const char *why, void *ctx)
{
    (void)t;
    (void)at;
    (void)why;
    (void)ctx;
    return 0;
}

/* What every command and the supervisor ask, however many tasks are open. */
static void ends_of_tasks(struct nhi_ledger *l)
{
    int64_t at = 0;

    assert_int_equal(nhi_task_each_end(l, NOW + 300, no_task, NULL), NHI_OK);
    assert_int_equal(nhi_task_first_end(l, &at), NHI_OK);
    assert_int_equal(at, NOW + 7200);
}

static void tickets(struct nhi_ledger *l)
{
    struct nhi_ticket first = ticket_of(1, "ci-bot", "build-1"), next = ticket_of(2, "ci-bot", "build-1");
    struct nhi_ticket_row row;
    struct nhi_issuer issuer;
    int64_t end;

    assert_int_equal(nhi_issuer_get(l, "k1", &issuer), NHI_OK);
    first.has_cnf = true;
    assert_int_equal(nhi_ticket_holding_key(l, &first, "ci-bot", "sshd", NOW, row.root), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_ticket_record(l, &first, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
    assert_int_equal(nhi_ticket_set_terms(l, first.jti, 0, true), NHI_OK);
    assert_int_equal(nhi_ticket_get(l, first.jti, &row), NHI_OK);
    assert_int_equal(nhi_ticket_renew(l, &row, &next, false, NOW), NHI_OK);
    assert_int_equal(nhi_ticket_lineage_end(l, row.root, &end), NHI_OK);
    assert_int_equal(nhi_ticket_last(l, row.root, &row), NHI_OK);
    assert_int_equal(nhi_ticket_bind_tree(l, &next, "tree", true), NHI_OK);
    assert_int_equal(nhi_tree_each(l, NOW, no_jti, NULL), NHI_OK);
    assert_int_equal(nhi_tree_end(l, "tree", "x", NOW), NHI_OK);
    assert_int_equal(nhi_ticket_each_after(l, &(struct nhi_ticket_after){ "ci-bot", NOW - 1, NOW }, no_jti, NULL),
                     NHI_OK);
}

static void endings(struct nhi_ledger *l)
{
    struct nhi_event e = { .at = NOW, .kind = "revoke", .task = "build-1" };
    uint32_t live;
    char jti[NHI_JTI_LEN + 1];

    state_jti(2, jti);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TICKET, jti, "x", NOW, &live), NHI_OK);
    state_jti(3, jti);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TICKET, jti, "x", NOW, &live), NHI_OK);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TASK, "build-1", "x", NOW, &live), NHI_OK);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_AGENT, "ci-bot", "x", NOW, &live), NHI_OK);
    assert_int_equal(nhi_event_add(l, &e), NHI_OK);
    assert_int_equal(nhi_session_was(l, "x-1"), NHI_OK);
}

static void indexed(void **state)
{
    struct nhi_ledger *l = state_begin();
    const char *sql = NULL;
    int n;

    (void)state;
    for (unsigned i = 0; i < OTHERS; i++)
        add_other(l, i);
    state_end(l);
    l = state_begin();
    (void)scanned(l, &sql);
    (void)stepped(l, &sql);
    agents(l);
    tasks(l);
    ends_of_tasks(l);
    tickets(l);
    endings(l);
    if (scanned(l, &sql) > MOST)
        fail_msg("a whole table is read by: %s", sql);
    if ((n = stepped(l, &sql)) > (int)OTHERS)
        fail_msg("%d what others have is read by: %s", n, sql);
    state_end(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(indexed, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("plans", tests, NULL, NULL);
}
