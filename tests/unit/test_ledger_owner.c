/* SPDX-License-Identifier: ISC */
/*
 * Who owns an agent: owners come and go, and what they leave behind waits for somebody else; why an agent is suspended,
 * each reason independently.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_owner.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW
#define OTHER "eve@example.org"

static struct nhi_agent agent(struct nhi_ledger *l, const char *name)
{
    struct nhi_agent a;

    assert_int_equal(nhi_agent_get(l, name, &a), NHI_OK);
    return a;
}

/* Of ci-bot. */
static void is(struct nhi_ledger *l, enum nhi_agent_state state, uint32_t held)
{
    struct nhi_agent a = agent(l, "ci-bot");

    assert_int_equal(a.state, state);
    assert_int_equal(a.held, held);
}

/* Every order in which reasons come and go: suspended while one is left, and no longer. */
static void causes_are_a_set(void **state)
{
    struct nhi_ledger *l = state_begin();
    uint32_t held = 0;

    (void)state;
    for (int i = 0; i < 500; i++) {
        uint32_t causes = state_random() % NHI_HELD_ALL + 1;
        uint32_t one = 1u << state_random() % 3;

        if (state_random() % 2 == 0) {
            assert_int_equal(nhi_agent_hold(l, "ci-bot", one, "x", NOW), NHI_OK);
            held |= one;
        } else {
            assert_int_equal(nhi_agent_release(l, "ci-bot", causes, "y", NOW), NHI_OK);
            held &= ~causes;
        }
        is(l, held != 0 ? NHI_AGENT_SUSPENDED : NHI_AGENT_ACTIVE, held);
    }
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_SUSPENDED, "x", NOW), NHI_OK);
    assert_int_equal(agent(l, "ci-bot").held & NHI_HELD_BY_HAND, NHI_HELD_BY_HAND);
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_ACTIVE, "", NOW), NHI_OK);
    is(l, NHI_AGENT_ACTIVE, 0);
    state_end(l);
}

/* The first reason and its time stay while it is suspended. */
static void the_reason_is_the_first(void **state)
{
    struct nhi_ledger *l = state_begin();

    (void)state;
    assert_int_equal(nhi_agent_hold(l, "ci-bot", NHI_HELD_OFFBOARDED, "left", NOW + 1), NHI_OK);
    assert_int_equal(nhi_agent_hold(l, "ci-bot", NHI_HELD_BY_HAND, "odd", NOW + 2), NHI_OK);
    assert_int_equal(nhi_agent_release(l, "ci-bot", NHI_HELD_BY_HAND, "ok", NOW + 3), NHI_OK);
    assert_string_equal(agent(l, "ci-bot").reason, "left");
    assert_int_equal(agent(l, "ci-bot").changed, NOW + 1);
    assert_int_equal(nhi_agent_release(l, "ci-bot", NHI_HELD_OFFBOARDED, "ok", NOW + 4), NHI_OK);
    assert_string_equal(agent(l, "ci-bot").reason, "ok");
    assert_int_equal(agent(l, "ci-bot").changed, NOW + 4);
    state_end(l);
}

static enum nhi_err certify(struct nhi_ledger *l, const char *name, int64_t review_by, const char *by,
                            const char *because)
{
    struct nhi_agent a = { .review_by = review_by, .certified = NOW };

    snprintf(a.account.name, sizeof(a.account.name), "%s", name);
    snprintf(a.certified_by, sizeof(a.certified_by), "%s", by);
    snprintf(a.because, sizeof(a.because), "%s", because);
    return nhi_agent_certify(l, &a);
}

static void retired_is_for_good(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_agent a;

    (void)state;
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_RETIRED, "x", NOW), NHI_OK);
    assert_int_equal(nhi_agent_hold(l, "ci-bot", NHI_HELD_OFFBOARDED, "", NOW), NHI_ERR_STATE);
    assert_int_equal(nhi_agent_release(l, "ci-bot", NHI_HELD_ALL, "", NOW), NHI_ERR_STATE);
    assert_int_equal(nhi_agent_transfer(l, "ci-bot", OTHER), NHI_ERR_STATE);
    assert_int_equal(certify(l, "ci-bot", NOW + 9, "root", "why"), NHI_ERR_STATE);
    a = agent(l, "ci-bot");
    assert_int_equal(nhi_agent_change(l, &a), NHI_ERR_STATE);
    is(l, NHI_AGENT_RETIRED, 0);
    state_end(l);
}

static struct nhi_owner owner(struct nhi_ledger *l, const char *name)
{
    struct nhi_owner o;

    assert_int_equal(nhi_owner_get(l, name, NOW, &o), NHI_OK);
    return o;
}

static void offboarded(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_agent a = agent(l, "ci-bot");
    struct nhi_owner o;

    (void)state;
    assert_int_equal(nhi_owner_get(l, "nobody", NOW, &o), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_owner_return(l, a.owner), NHI_ERR_STATE);
    assert_int_equal(nhi_agent_transfer(l, "other-bot", OTHER), NHI_OK);
    assert_int_equal(nhi_owner_offboard(l, OTHER, "left", NOW + 5), NHI_OK);
    assert_int_equal(nhi_owner_offboard(l, OTHER, "again", NOW + 6), NHI_OK);
    o = owner(l, OTHER);
    assert_int_equal(o.offboarded, NOW + 5);
    assert_string_equal(o.reason, "left");
    assert_int_equal(o.active, 1);

    assert_int_equal(nhi_agent_transfer(l, "ci-bot", OTHER), NHI_ERR_STATE);
    assert_string_equal(agent(l, "ci-bot").owner, a.owner);
    assert_int_equal(nhi_agent_hold(l, "other-bot", NHI_HELD_OFFBOARDED, "", NOW), NHI_OK);
    assert_int_equal(nhi_agent_release(l, "other-bot", NHI_HELD_ALL, "", NOW), NHI_ERR_STATE);
    assert_int_equal(nhi_agent_set_state(l, "other-bot", NHI_AGENT_ACTIVE, "", NOW), NHI_ERR_STATE);
    assert_int_equal(certify(l, "other-bot", NOW + 9, "root", "why"), NHI_ERR_STATE);
    memcpy(a.account.name, "new", sizeof("new"));
    memcpy(a.owner, OTHER, sizeof(OTHER));
    a.account.uid = 70000;
    assert_int_equal(nhi_agent_add(l, &a, NOW), NHI_ERR_STATE);
    assert_int_equal(nhi_agent_get(l, "new", &a), NHI_ERR_NOT_FOUND);
    assert_int_equal(owner(l, OTHER).suspended, 1);

    assert_int_equal(nhi_owner_return(l, OTHER), NHI_OK);
    assert_int_equal(owner(l, OTHER).offboarded, 0);
    assert_int_equal(nhi_agent_release(l, "other-bot", NHI_HELD_ALL, "", NOW), NHI_OK);
    assert_int_equal(nhi_agent_transfer(l, "ci-bot", OTHER), NHI_OK);
    state_end(l);
}

static int sum_up(const struct nhi_owner *o, void *ctx)
{
    char **to = ctx;

    *to += sprintf(*to, "%s %lld/%lld/%lld %lld %lld %d;", o->name, (long long)o->active, (long long)o->suspended,
                   (long long)o->retired, (long long)o->live_tickets,
                   (long long)(o->next_review == 0 ? 0 : o->next_review - NOW), o->offboarded != 0);
    return 0;
}

/* Counts by state, live tickets of these agents only, the first review date of agents that are not retired; and an
 * owner who left and no longer has any. */
static void listed(void **state)
{
    struct nhi_ledger *l = state_begin();
    char text[2000], *end = text;
    struct nhi_ticket t = state_ticket(1);

    (void)state;
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
    assert_int_equal(nhi_agent_transfer(l, "ci-bot", "b"), NHI_OK);
    assert_int_equal(nhi_agent_transfer(l, "other-bot", "b"), NHI_OK);
    assert_int_equal(certify(l, "ci-bot", NOW + 200, "root", "why"), NHI_OK);
    assert_int_equal(certify(l, "other-bot", NOW + 100, "root", "why"), NHI_OK);
    assert_int_equal(nhi_owner_offboard(l, "a", "", NOW), NHI_OK);
    assert_int_equal(nhi_owner_each(l, NOW, sum_up, &end), NHI_OK);
    assert_string_equal(text, "a 0/0/0 0 0 1;b 2/0/0 1 100 0;");
    end = text;
    assert_int_equal(nhi_agent_hold(l, "ci-bot", 1, "", NOW), NHI_OK);
    assert_int_equal(nhi_agent_set_state(l, "other-bot", NHI_AGENT_RETIRED, "", NOW), NHI_OK);
    assert_int_equal(nhi_owner_each(l, t.exp, sum_up, &end), NHI_OK);
    assert_string_equal(text, "a 0/0/0 0 0 1;b 0/1/1 0 200 0;");
    state_end(l);
}

static void certified(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_agent a;

    (void)state;
    assert_int_equal(agent(l, "ci-bot").certified, 0);
    assert_int_equal(certify(l, "ci-bot", NOW, "root", "why"), NHI_ERR_ARG);
    assert_int_equal(certify(l, "ci-bot", NOW + 9, "root", ""), NHI_ERR_ARG);
    assert_int_equal(certify(l, "ci-bot", NOW + 9, "", "why"), NHI_ERR_ARG);
    assert_int_equal(certify(l, "nobody", NOW + 9, "root", "why"), NHI_ERR_NOT_FOUND);
    assert_int_equal(certify(l, "ci-bot", NOW + 9, "root", "why"), NHI_OK);
    a = agent(l, "ci-bot");
    assert_int_equal(a.review_by, NOW + 9);
    assert_int_equal(a.certified, NOW);
    assert_string_equal(a.certified_by, "root");
    assert_string_equal(a.because, "why");
    assert_int_equal(agent(l, "other-bot").certified, 0);
    state_end(l);
}

static void changed(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_agent a = agent(l, "ci-bot"), had = a;

    (void)state;
    memcpy(a.owner, OTHER, sizeof(OTHER));
    a.account.uid++;
    memcpy(a.purpose, "p2", 3);
    memcpy(a.account.gecos, "g2", 3);
    memcpy(a.account.shell, "/s2", 4);
    memcpy(a.account.home, "/h2", 4);
    memcpy(a.file, "x.conf", 7);
    memcpy(a.group_names, "g1 g2", 6);
    a.account.group_count = 2;
    a.account.groups[0] = 4010;
    a.account.groups[1] = 4011;
    a.review_by = NOW + 3;
    a.file_review = NOW + 4;
    assert_int_equal(nhi_agent_change(l, &a), NHI_OK);
    a = agent(l, "ci-bot");
    assert_string_equal(a.purpose, "p2");
    assert_string_equal(a.account.gecos, "g2");
    assert_string_equal(a.account.shell, "/s2");
    assert_string_equal(a.file, "x.conf");
    assert_string_equal(a.group_names, "g1 g2");
    assert_int_equal(a.account.groups[1], 4011);
    assert_int_equal(a.review_by, NOW + 3);
    assert_int_equal(a.file_review, NOW + 4);
    assert_string_equal(a.owner, had.owner);
    assert_string_equal(a.account.home, had.account.home);
    assert_int_equal(a.account.uid, had.account.uid);
    a.purpose[0] = '\0';
    assert_int_equal(nhi_agent_change(l, &a), NHI_ERR_ARG);
    memcpy(a.purpose, "p", 2);
    memcpy(a.account.name, "nobody", 7);
    assert_int_equal(nhi_agent_change(l, &a), NHI_ERR_STATE);
    state_end(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(causes_are_a_set, state_ready),
        cmocka_unit_test_setup(the_reason_is_the_first, state_ready),
        cmocka_unit_test_setup(retired_is_for_good, state_ready),
        cmocka_unit_test_setup(offboarded, state_ready),
        cmocka_unit_test_setup(listed, state_ready),
        cmocka_unit_test_setup(certified, state_ready),
        cmocka_unit_test_setup(changed, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("owners", tests, NULL, NULL);
}
