/* SPDX-License-Identifier: ISC */
/* Tickets in the ledger: what is kept, what ends them, which one is found, and what that costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/sql.h" /* to see the statements that run */
#include "tests/lib/asked.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW

static void record(struct nhi_ledger *l, const struct nhi_ticket *t)
{
    assert_int_equal(nhi_ticket_record(l, t, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
}

static struct nhi_ticket_row row(struct nhi_ledger *l, unsigned n)
{
    struct nhi_ticket_row r;
    char jti[NHI_JTI_LEN + 1];

    state_jti(n, jti);
    assert_int_equal(nhi_ticket_get(l, jti, &r), NHI_OK);
    return r;
}

static bool facts_say_revoked(struct nhi_ledger *l, const struct nhi_ticket *t)
{
    struct nhi_facts f;

    assert_int_equal(ask_facts(l, t, &f), NHI_OK);
    nhi_facts_free(&f);
    return f.revoked;
}

static void same_ticket(const struct nhi_ticket *a, const struct nhi_ticket *b)
{
    assert_string_equal(a->kid, b->kid);
    assert_string_equal(a->jti, b->jti);
    assert_string_equal(a->agent, b->agent);
    assert_string_equal(a->task, b->task);
    assert_string_equal(a->host, b->host);
    assert_string_equal(a->accounts, b->accounts);
    assert_string_equal(a->services, b->services);
    assert_true(a->iat == b->iat && a->nbf == b->nbf && a->exp == b->exp);
    assert_int_equal(a->uses, b->uses);
    assert_int_equal(a->has_cnf, b->has_cnf);
    assert_int_equal(a->ssh, b->ssh);
    assert_memory_equal(a->cnf, b->cnf, sizeof(a->cnf));
    assert_string_equal(a->parent, b->parent);
}

static void roundtrip(void **state)
{
    struct nhi_ticket t = state_ticket(1), plain = state_ticket(2);
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket_row r;

    (void)state;
    memset(t.agent, 'a', NHI_AGENT_MAX);
    memset(t.task, '#', NHI_TASK_MAX);
    memset(t.host, 'h', NHI_HOST_MAX);
    memset(t.accounts, 'c', NHI_LIST_MAX);
    memset(t.services, 's', NHI_LIST_MAX);
    t.nbf = NOW + 5;
    t.iat = 0;
    t.exp = NHI_TIME_MAX;
    t.uses = NHI_USES_MAX;
    t.has_cnf = true;
    t.ssh = 5;
    memset(t.cnf, 0, sizeof(t.cnf));
    t.cnf[31] = 0xff;
    state_jti(99, t.parent);
    record(l, &t);
    assert_int_equal(nhi_ticket_record(l, &plain, NHI_ORIGIN_IMPORTED, NOW + 1), NHI_OK);
    state_end(l);
    l = state_open(NHI_LEDGER_READ);
    r = row(l, 1);
    same_ticket(&r.ticket, &t);
    assert_int_equal(r.origin, NHI_ORIGIN_ISSUED);
    assert_true(r.revoked); /* its agent is not known here */
    r = row(l, 2);
    same_ticket(&r.ticket, &plain);
    assert_int_equal(r.origin, NHI_ORIGIN_IMPORTED);
    assert_int_equal(r.recorded, NOW + 1);
    assert_int_equal(r.grants, 0);
    assert_int_equal(r.last_used, 0);
    assert_false(r.revoked);
    assert_string_equal(r.reason, "");
    assert_int_equal(nhi_ticket_get(l, "nothing", &r), NHI_ERR_NOT_FOUND);
    nhi_ledger_close(l);
}

static void never_again(void **state)
{
    struct nhi_ticket t = state_ticket(1);
    struct nhi_ledger *l = state_begin();

    (void)state;
    record(l, &t);
    memcpy(t.accounts, "other", 6);
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, NOW), NHI_ERR_EXISTS);
    t = state_ticket(2);
    t.jti[0] = '\0';
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, NOW), NHI_ERR_ARG);
    t = state_ticket(2);
    memcpy(t.kid, "k9", 3);
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, NOW), NHI_ERR_NOT_FOUND);
    state_end(l);
}

static uint32_t revoke(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id)
{
    uint32_t live = 12345;

    assert_int_equal(nhi_revoke(l, kind, id, "why", NOW, &live), NHI_OK);
    return live;
}

static void revoked_by_each_kind(void **state)
{
    static const struct {
        enum nhi_revoke_kind kind;
        const char *id;
    } kinds[] = { { NHI_REVOKE_TICKET, "000000000000000000001A" },
                  { NHI_REVOKE_TASK, "build-1" },
                  { NHI_REVOKE_AGENT, "ci-bot" },
                  { NHI_REVOKE_ISSUER, "k1" } };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct nhi_ticket t = state_ticket(1), expired = state_ticket(2), other = state_ticket(3);
        struct nhi_ledger *l;

        (void)state_ready(NULL);
        l = state_begin();
        state_issuer(l, "k2");
        memcpy(other.kid, "k2", 3);
        memcpy(other.agent, "other-bot", 10);
        memcpy(other.task, "elsewhere", 10);
        expired.exp = NOW;
        record(l, &t);
        record(l, &expired);
        record(l, &other);
        assert_int_equal(revoke(l, kinds[i].kind, kinds[i].id), 1);
        assert_int_equal(revoke(l, kinds[i].kind, kinds[i].id), 0);
        assert_true(row(l, 1).revoked);
        assert_false(row(l, 3).revoked);
        assert_int_equal(facts_say_revoked(l, &t), i < 2);
        assert_false(facts_say_revoked(l, &other));
        state_end(l);
    }
}

static void first_reason_stays(void **state)
{
    struct nhi_ticket t = state_ticket(1);
    struct nhi_ledger *l = state_begin();
    struct nhi_task task;

    (void)state;
    record(l, &t);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TICKET, t.jti, "first", NOW, NULL), NHI_OK);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TICKET, t.jti, "second", NOW + 1, NULL), NHI_OK);
    assert_string_equal(row(l, 1).reason, "first");
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TASK, "build-1", "third", NOW + 2, NULL), NHI_OK);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TASK, "build-1", "fourth", NOW + 3, NULL), NHI_OK);
    assert_int_equal(nhi_task_get(l, "build-1", &task), NHI_OK);
    assert_int_equal(task.state, NHI_TASK_CLOSED);
    assert_int_equal(task.closed, NOW + 2);
    assert_string_equal(task.reason, "third");
    state_end(l);
}

static void unseen(void **state)
{
    struct nhi_ticket t = state_ticket(7), child = state_ticket(8);
    struct nhi_task task = { .id = "later", .agent = "ci-bot", .deadline = NOW + 99 };
    struct nhi_ledger *l = state_begin();
    uint32_t live = 5;

    (void)state;
    assert_int_equal(revoke(l, NHI_REVOKE_TICKET, t.jti), 0);
    assert_true(facts_say_revoked(l, &t));
    memcpy(child.parent, t.jti, sizeof(child.parent));
    assert_true(facts_say_revoked(l, &child));
    record(l, &t);
    assert_true(row(l, 7).revoked);
    assert_int_equal(revoke(l, NHI_REVOKE_TASK, "later"), 0);
    t = state_ticket(9);
    memcpy(t.task, "later", 6);
    assert_true(facts_say_revoked(l, &t));
    assert_int_equal(nhi_task_open(l, &task, NOW), NHI_ERR_EXISTS);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_AGENT, "nobody", "", NOW, &live), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_ISSUER, "k9", "", NOW, &live), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TICKET, "short", "", NOW, &live), NHI_ERR_ARG);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TASK, "a b", "", NOW, &live), NHI_ERR_ARG);
    assert_int_equal(live, 5);
    state_end(l);
}

/* Tickets of another host's clock are dead up to the skew after the moment. */
static void agent_until_by_another_clock(void **state)
{
    struct nhi_issuer i = { .kid = "far", .max_ttl = 86400, .agents = "*", .accounts = "*", .services = "*" };
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1);

    (void)state;
    assert_int_equal(nhi_issuer_add(l, &i, NOW), NHI_OK);
    memcpy(t.kid, "far", 4);
    t.iat = NOW + 30;
    record(l, &t);
    t = state_ticket(2);
    memcpy(t.kid, "far", 4);
    t.iat = NOW + 31;
    record(l, &t);
    assert_false(row(l, 1).revoked);
    assert_int_equal(revoke(l, NHI_REVOKE_AGENT, "ci-bot"), 1);
    assert_true(row(l, 1).revoked);
    assert_false(row(l, 2).revoked);
    state_end(l);
}

/* Everything that an agent held until a moment; the agent stays active, and the moment never moves back. */
static void agent_until(void **state)
{
    struct nhi_ticket t = state_ticket(1);
    struct nhi_ledger *l = state_begin();
    struct nhi_agent a;

    (void)state;
    t.iat = NOW + 1;
    record(l, &t);
    assert_int_equal(revoke(l, NHI_REVOKE_AGENT, "ci-bot"), 0);
    assert_false(row(l, 1).revoked);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_AGENT, "ci-bot", "", NOW + 1, NULL), NHI_OK);
    assert_true(row(l, 1).revoked);
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_AGENT, "ci-bot", "", NOW - 9, NULL), NHI_OK);
    assert_int_equal(nhi_agent_get(l, "ci-bot", &a), NHI_OK);
    assert_int_equal(a.revoked_until, NOW + 1);
    assert_int_equal(a.state, NHI_AGENT_ACTIVE);
    state_end(l);
}

/* 1 is the parent of 2, and so on; without: the one that this ledger never saw, or 0. */
static void make_chain(struct nhi_ledger *l, unsigned without)
{
    for (unsigned n = 1; n <= 5; n++) {
        struct nhi_ticket t = state_ticket(n);

        if (n > 1)
            state_jti(n - 1, t.parent);
        if (n != without)
            record(l, &t);
    }
}

static void parents(void **state)
{
    (void)state;
    for (unsigned revoked = 1; revoked <= 5; revoked++) {
        struct nhi_ledger *l;
        char jti[NHI_JTI_LEN + 1];

        (void)state_ready(NULL);
        l = state_begin();
        make_chain(l, 0);
        state_jti(revoked, jti);
        assert_int_equal(revoke(l, NHI_REVOKE_TICKET, jti), 6 - revoked);
        for (unsigned n = 1; n <= 5; n++) {
            struct nhi_ticket t = row(l, n).ticket;

            assert_int_equal(row(l, n).revoked, n >= revoked);
            assert_int_equal(facts_say_revoked(l, &t), n >= revoked);
        }
        state_end(l);
    }
}

/* As many ancestors as are checked, and one more, which is refused like a revoked one. */
static void too_many_parents(void **state)
{
    struct nhi_ledger *l = state_begin();

    (void)state;
    for (unsigned n = 1; n <= NHI_ANCESTORS_MAX + 2; n++) {
        struct nhi_ticket t = state_ticket(n);

        if (n > 1)
            state_jti(n - 1, t.parent);
        record(l, &t);
        assert_int_equal(facts_say_revoked(l, &t), n > NHI_ANCESTORS_MAX + 1);
    }
    state_end(l);
}

/* An ancestor that only its child's claim names can itself be revoked, and those above it can no longer be. */
static void parents_with_a_gap(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket leaf;
    char jti[NHI_JTI_LEN + 1];

    (void)state;
    make_chain(l, 3);
    leaf = row(l, 5).ticket;
    assert_false(facts_say_revoked(l, &leaf));
    state_jti(3, jti);
    assert_int_equal(revoke(l, NHI_REVOKE_TICKET, jti), 2);
    assert_true(facts_say_revoked(l, &leaf));
    assert_true(row(l, 4).revoked);
    assert_false(row(l, 2).revoked);
    state_end(l);
}

/* Parents that name each other in a circle: an answer, not a loop. */
static void parents_in_a_circle(void **state)
{
    struct nhi_ticket a = state_ticket(1), b = state_ticket(2);
    struct nhi_ledger *l = state_begin();

    (void)state;
    memcpy(a.parent, b.jti, sizeof(a.parent));
    memcpy(b.parent, a.jti, sizeof(b.parent));
    record(l, &a);
    record(l, &b);
    assert_false(facts_say_revoked(l, &a));
    assert_int_equal(revoke(l, NHI_REVOKE_TICKET, a.jti), 2);
    assert_true(facts_say_revoked(l, &b));
    state_end(l);
}

static enum nhi_err find(struct nhi_ledger *l, unsigned *n)
{
    struct nhi_ticket t;
    enum nhi_err err = ask_ticket_for(l, "deploy", "sshd", NOW, &t);

    *n = err == NHI_OK ? (unsigned)strtoul(t.jti, NULL, 10) : 0;
    return err;
}

static void the_one_ticket(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t;
    unsigned n;

    (void)state;
    assert_int_equal(find(l, &n), NHI_ERR_NOT_FOUND);
#define UNFIT(number, change) \
    t = state_ticket(number); \
    change; \
    record(l, &t); \
    assert_int_equal(find(l, &n), NHI_ERR_NOT_FOUND)
    UNFIT(1, t.has_cnf = true);
    UNFIT(2, memcpy(t.host, "elsewhere", 10));
    UNFIT(3, memcpy(t.services, "sudo ssh", 9));
    UNFIT(4, memcpy(t.accounts, "deploy2 ci-bot", 15));
    UNFIT(5, t.exp = NOW);
    UNFIT(6, t.iat = NOW + 31);
    UNFIT(7, t.nbf = NOW + 31);
    t = state_ticket(10);
    record(l, &t);
    assert_int_equal(find(l, &n), NHI_OK);
    assert_int_equal(n, 10);
    t = state_ticket(11);
    record(l, &t);
    assert_int_equal(find(l, &n), NHI_ERR_EXISTS);
    /* Ended ones do not make it ambiguous; with none live, the newest of them has the reason. */
    state_jti(11, t.jti);
    (void)revoke(l, NHI_REVOKE_TICKET, t.jti);
    assert_int_equal(find(l, &n), NHI_OK);
    assert_int_equal(n, 10);
    state_jti(10, t.jti);
    (void)revoke(l, NHI_REVOKE_TICKET, t.jti);
    assert_int_equal(find(l, &n), NHI_OK);
    assert_int_equal(n, 11);
    state_end(l);
}

static void past_its_tasks_deadline(void **state)
{
    struct nhi_task task = { .id = "short", .agent = "ci-bot", .deadline = NOW + 10 };
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1), got;

    (void)state;
    assert_int_equal(nhi_task_open(l, &task, NOW), NHI_OK);
    memcpy(t.task, "short", 6);
    record(l, &t);
    t = state_ticket(2);
    record(l, &t);
    assert_int_equal(ask_ticket_for(l, "deploy", "sshd", NOW + 9, &got), NHI_ERR_EXISTS);
    assert_int_equal(ask_ticket_for(l, "deploy", "sshd", NOW + 10, &got), NHI_OK);
    assert_string_equal(got.jti, t.jti);
    state_end(l);
}

static int count_rows(const struct nhi_ticket_row *r, void *ctx)
{
    unsigned *n = ctx;

    /* Newest first. */
    n[1] = n[1] * 10 + (unsigned)strtoul(r->ticket.jti, NULL, 10);
    return ++n[0] == 3;
}

static unsigned listed(struct nhi_ledger *l, const char *agent, const char *task, bool live)
{
    unsigned n[2] = { 0, 0 };

    assert_int_equal(
        nhi_ticket_each(l, &(struct nhi_ticket_filter){ .agent = agent, .task = task, .live_at = live ? NOW : 0 },
                        count_rows, n),
        NHI_OK);
    return n[1];
}

static void lists(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1);

    (void)state;
    record(l, &t);
    t = state_ticket(2);
    t.exp = NOW;
    record(l, &t);
    t = state_ticket(3);
    memcpy(t.agent, "other-bot", 10);
    memcpy(t.task, "t3", 3);
    record(l, &t);
    assert_int_equal(listed(l, NULL, NULL, false), 321);
    assert_int_equal(listed(l, NULL, NULL, true), 31);
    assert_int_equal(listed(l, "ci-bot", NULL, false), 21);
    assert_int_equal(listed(l, NULL, "t3", false), 3);
    assert_int_equal(listed(l, "ci-bot", "t3", false), 0);
    assert_int_equal(listed(l, "ci-bot", "build-1", true), 1);
    t = state_ticket(4);
    record(l, &t);
    assert_int_equal(listed(l, NULL, NULL, false), 432);
    state_end(l);
}

static void facts(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1), no = state_ticket(2);
    struct nhi_facts f;

    (void)state;
    assert_int_equal(ask_facts(l, &t, &f), NHI_OK);
    assert_string_equal(f.host, STATE_HOST);
    assert_int_equal(f.latest, NOW);
    assert_false(f.lockdown || f.revoked);
    assert_true(f.issuer_known && f.agent_known && f.task_known);
    assert_string_equal(f.issuer.kid, "k1");
    assert_int_equal(f.agent_state, NHI_AGENT_ACTIVE);
    assert_int_equal(f.agent_uid, STATE_UID_MIN + 1);
    assert_int_equal(f.task_state, NHI_TASK_OPEN);
    assert_string_equal(f.task_agent, "ci-bot");
    assert_int_equal(f.task_deadline, NOW + 7200);
    assert_int_equal(f.rule_count, 0);
    assert_int_equal(nhi_sql_rules(l, t.agent, NOW, &f), NHI_OK);
    assert_int_equal(f.rule_count, 1);
    assert_string_equal(f.rules[0].name, "all");
    nhi_facts_free(&f);
    memcpy(no.agent, "bot", 4);
    memcpy(no.task, "build", 6);
    memcpy(no.kid, "k", 2);
    assert_int_equal(ask_facts(l, &no, &f), NHI_OK);
    assert_false(f.issuer_known || f.agent_known || f.task_known || f.revoked);
    assert_int_equal(f.rule_count, 0);
    nhi_facts_free(&f);
    assert_int_equal(ask_facts(l, NULL, &f), NHI_OK);
    assert_string_equal(f.host, STATE_HOST);
    nhi_facts_free(&f);
    nhi_facts_free(NULL);
    state_end(l);
}

/* ---- what it costs ---- */

static char *statements[64];
static size_t statement_count;

static int see_statement(unsigned type, void *ctx, void *st, void *x)
{
    (void)type;
    (void)ctx;
    (void)x;
    if (statement_count < 64)
        statements[statement_count++] = strdup(sqlite3_sql(st));
    return 0;
}

static int steps;

static int see_step(void *ctx)
{
    (void)ctx;
    steps++;
    return 0;
}

/* Only these may walk through all rows: the one row of settings, that of event numbers, the names of the rules that the
 * index gave, a chain of parents, the family of a ticket. */
static bool may_scan(const char *what)
{
    return strcmp(what, "k") == 0 || strcmp(what, "setting") == 0 || strcmp(what, "sqlite_sequence") == 0 ||
           strcmp(what, "up") == 0 || strcmp(what, "down") == 0 || strncmp(what, "CONSTANT", 8) == 0 ||
           strncmp(what, "up ", 3) == 0;
}

static void check_plan(struct nhi_ledger *l, const char *sql)
{
    sqlite3_stmt *st;
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);

    assert_int_equal(sqlite3_prepare_v2(l->db, explain, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(st, 3);

        if (strncmp(detail, "SCAN ", 5) == 0 && !may_scan(detail + 5)) {
            print_error("%s\n  in %s\n", detail, sql);
            fail();
        }
    }
    sqlite3_finalize(st);
    sqlite3_free(explain);
}

static void no_full_scan(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1), got;
    struct nhi_facts f;

    (void)state;
    record(l, &t);
    assert_int_equal(sqlite3_trace_v2(l->db, SQLITE_TRACE_STMT, see_statement, NULL), SQLITE_OK);
    assert_int_equal(ask_ticket_for(l, "deploy", "sshd", NOW, &got), NHI_OK);
    assert_int_equal(ask_facts(l, &t, &f), NHI_OK);
    nhi_facts_free(&f);
    (void)revoke(l, NHI_REVOKE_TICKET, t.jti);
    (void)revoke(l, NHI_REVOKE_TASK, "build-1");
    (void)revoke(l, NHI_REVOKE_AGENT, "ci-bot");
    (void)revoke(l, NHI_REVOKE_ISSUER, "k1");
    (void)row(l, 1);
    sqlite3_trace_v2(l->db, 0, NULL, NULL);
    assert_in_range(statement_count, 15, 63);
    for (size_t i = 0; i < statement_count; i++) {
        check_plan(l, statements[i]);
        free(statements[i]);
    }
    state_end(l);
}

static int cost_of_a_login(struct nhi_ledger *l, const struct nhi_ticket *t)
{
    struct nhi_ticket got;
    struct nhi_facts f;

    steps = 0;
    sqlite3_progress_handler(l->db, 10, see_step, NULL);
    assert_int_equal(ask_ticket_for(l, "deploy", "sshd", NOW, &got), NHI_OK);
    assert_string_equal(got.jti, t->jti);
    assert_int_equal(ask_facts(l, t, &f), NHI_OK);
    nhi_facts_free(&f);
    sqlite3_progress_handler(l->db, 0, NULL, NULL);
    return steps;
}

static int cost_of_a_revocation(struct nhi_ledger *l, unsigned n)
{
    struct nhi_ticket t = state_ticket(n);

    snprintf(t.accounts, sizeof(t.accounts), "user%u", n);
    record(l, &t);
    steps = 0;
    sqlite3_progress_handler(l->db, 10, see_step, NULL);
    assert_int_equal(revoke(l, NHI_REVOKE_TICKET, t.jti), 1);
    sqlite3_progress_handler(l->db, 0, NULL, NULL);
    return steps;
}

/* Counted in steps of SQLite's machine, which do not depend on how fast the machine is. */
static void others_do_not_matter(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1), other;
    int before, after, end;

    (void)state;
    record(l, &t);
    before = cost_of_a_login(l, &t);
    end = cost_of_a_revocation(l, 2);
    for (unsigned n = 100; n < 10100; n++) {
        other = state_ticket(n);
        snprintf(other.accounts, sizeof(other.accounts), "user%u", n);
        record(l, &other);
    }
    after = cost_of_a_login(l, &t);
    assert_true(before > 0);
    assert_in_range(after, 1, before + before / 10 + 1);
    assert_in_range(cost_of_a_revocation(l, 3), 1, end + end / 10 + 1);
    state_end(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(roundtrip, state_ready),
        cmocka_unit_test_setup(never_again, state_ready),
        cmocka_unit_test_setup(revoked_by_each_kind, state_ready),
        cmocka_unit_test_setup(first_reason_stays, state_ready),
        cmocka_unit_test_setup(unseen, state_ready),
        cmocka_unit_test_setup(agent_until, state_ready),
        cmocka_unit_test_setup(agent_until_by_another_clock, state_ready),
        cmocka_unit_test_setup(parents, state_ready),
        cmocka_unit_test_setup(too_many_parents, state_ready),
        cmocka_unit_test_setup(parents_with_a_gap, state_ready),
        cmocka_unit_test_setup(parents_in_a_circle, state_ready),
        cmocka_unit_test_setup(the_one_ticket, state_ready),
        cmocka_unit_test_setup(past_its_tasks_deadline, state_ready),
        cmocka_unit_test_setup(lists, state_ready),
        cmocka_unit_test_setup(facts, state_ready),
        cmocka_unit_test_setup(no_full_scan, state_ready),
        cmocka_unit_test_setup(others_do_not_matter, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("ledger_ticket", tests, NULL, NULL);
}
