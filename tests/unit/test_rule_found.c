/* SPDX-License-Identifier: ISC */
/* What explain shows about a request that does not meet a condition: the sentence, word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "libnhi/policy/decide.h"

#define NOW INT64_C(1800000000) /* 2027-01-15 08:00:00 UTC */

static struct nhi_ticket ticket;
static struct nhi_facts facts;
static struct nhi_request req;
static struct nhi_rule rule;

static int fresh(void **state)
{
    (void)state;
    ticket = (struct nhi_ticket){ .agent = "ci-bot", .task = "build-1", .iat = NOW - 60, .exp = NOW + 540 };
    memset(&facts, 0, sizeof(facts));
    memcpy(facts.agent_owner, "Jane Doe", sizeof("Jane Doe"));
    req = (struct nhi_request){ .now = NOW, .service = "sshd", .subject = "deploy", .ticket = &ticket };
    rule =
        (struct nhi_rule){ .zone = "Europe/Berlin", .offset = 3600, .offset_known = true, .sessions = 3, .grants = 7 };
    return 0;
}

static void found(enum nhi_condition failed, const char *want)
{
    char out[NHI_RULE_FOUND_MAX] = "not written";

    nhi_rule_found(failed, &rule, &req, &facts, out);
    assert_string_equal(out, want);
}

static void names(void **state)
{
    (void)state;
    found(NHI_COND_AGENT, "agent is ci-bot");
    found(NHI_COND_OWNER, "owner is Jane Doe");
    found(NHI_COND_TASK, "task is build-1");
    found(NHI_COND_ACCOUNT, "account is deploy");
    found(NHI_COND_SERVICE, "service is sshd");
}

static void of_the_ticket(void **state)
{
    (void)state;
    found(NHI_COND_LIFETIME, "its lifetime is 600s");
    found(NHI_COND_AGE, "it was issued 60s earlier");
    found(NHI_COND_USES, "it does not count its uses");
    ticket.uses = 2;
    found(NHI_COND_USES, "it allows 2 uses");
}

static void binding(void **state)
{
    (void)state;
    found(NHI_COND_BOUND, "bound to nothing");
    memcpy(facts.tree, "p-1", sizeof("p-1"));
    found(NHI_COND_BOUND, "bound to a process tree");
    ticket.has_cnf = true;
    found(NHI_COND_BOUND, "bound to a key");
}

static void source(void **state)
{
    (void)state;
    found(NHI_COND_SOURCE, "source is not known");
    req.is_local = true;
    found(NHI_COND_SOURCE, "source is local");
    req.from = NHI_NET_UNKNOWN;
    found(NHI_COND_SOURCE, "source is local");
    req.is_local = false;
    found(NHI_COND_SOURCE, "source is not known");
    req.from = "192.0.2.7";
    found(NHI_COND_SOURCE, "source is 192.0.2.7");
}

static void time_of_day(void **state)
{
    static const enum nhi_condition both[] = { NHI_COND_DAYS, NHI_COND_HOURS };

    for (size_t i = 0; i < 2; i++) {
        (void)fresh(state);
        found(both[i], "it is 2027-01-15 09:00 in Europe/Berlin");
        rule.offset_known = false;
        found(both[i], "the time in Europe/Berlin is not known");
        rule.offset_known = true;
        req.now = INT64_MAX / 2;
        found(both[i], "the time in Europe/Berlin is not known");
    }
}

static void other_uses(void **state)
{
    (void)state;
    found(NHI_COND_SESSIONS, "3 sessions live");
    found(NHI_COND_GRANTS, "7 grants in the last hour");
}

static void nothing_failed(void **state)
{
    (void)state;
    found(NHI_COND_MET, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(names, fresh),          cmocka_unit_test_setup(of_the_ticket, fresh),
        cmocka_unit_test_setup(binding, fresh),        cmocka_unit_test_setup(source, fresh),
        cmocka_unit_test_setup(time_of_day, fresh),    cmocka_unit_test_setup(other_uses, fresh),
        cmocka_unit_test_setup(nothing_failed, fresh),
    };

    return cmocka_run_group_tests_name("rule_found", tests, NULL, NULL);
}
