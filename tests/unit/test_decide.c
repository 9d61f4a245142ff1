/* SPDX-License-Identifier: ISC */
/*
 * The decision: one request that is permitted, and the effect of every single change to it. test_decide_random.c tries
 * two changes at once.
 * Invariants: 3, 13, 14.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/policy/decide.h"
#include "libnhi/policy/reason.h"

#define NOW INT64_C(1800000000)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct ask {
    struct nhi_request req;
    struct nhi_facts facts;
    struct nhi_ticket ticket;
    struct nhi_rule rules[4];
    uint8_t other_key[NHI_PK_LEN]; /* differs in the last bit */
};

/* What the decision points to stays inside ask. */
static void base(struct ask *a)
{
    *a = (struct ask){
        .other_key = { [NHI_PK_LEN - 1] = 1 },
        .req = { .now = NOW,
                 .service = "sshd",
                 .subject = "deploy",
                 .subject_uid = 1002,
                 .place = "192.0.2.1",
                 .remote = true,
                 .source = NHI_FROM_PROMPT },
        .facts = { .host = "host.example.org",
                   .latest = NOW,
                   .issuer_known = true,
                   .issuer = { .kid = "k1",
                               .state = NHI_ISSUER_ACTIVE,
                               .own = true,
                               .agents = "ci-bot",
                               .accounts = "deploy ci-bot",
                               .services = "sshd sudo",
                               .max_ttl = 3600 },
                   .agent_known = true,
                   .agent_state = NHI_AGENT_ACTIVE,
                   .agent_uid = 65537,
                   .agent_revoked_until = NOW - 700,
                   .recorded = true,
                   .task_known = true,
                   .task_state = NHI_TASK_OPEN,
                   .task_agent = "ci-bot",
                   .task_deadline = NOW + 7200,
                   .rule_count = 1 },
        .ticket = { .kid = "k1",
                    .jti = "AAECAwQFBgcICQoLDA0ODw",
                    .agent = "ci-bot",
                    .task = "build-1",
                    .host = "host.example.org",
                    .accounts = "deploy ci-bot",
                    .services = "sshd sudo",
                    .iat = NOW - 600,
                    .exp = NOW + 3000 },
        .rules = { { .name = "permit", .agents = "ci-bot", .accounts = "deploy ci-bot", .services = "sshd sudo" } },
    };
    a->req.ticket = &a->ticket;
    a->facts.rules = a->rules;
}

/* The issuer is another host, whose clock may be ahead by the skew. */
static void other_clock(struct ask *a)
{
    a->facts.issuer.own = false;
}

#define SET(field, text) memcpy(a->field, text, sizeof(text))
#define CASES \
    CASE(PERMIT, nothing, (void)a) \
    CASE(PERMIT, rotated, a->facts.issuer.state = NHI_ISSUER_ROTATED) \
    CASE(PERMIT, any_issuer_agent, SET(facts.issuer.agents, "*")) \
    CASE(PERMIT, any_issuer_account, SET(facts.issuer.accounts, "*")) \
    CASE(PERMIT, any_issuer_service, SET(facts.issuer.services, "*")) \
    CASE(PERMIT, no_latest, a->facts.latest = 0) \
    CASE(PERMIT, other_service, a->req.service = "sudo") \
    CASE(PERMIT, own_account, (a->req.subject = "ci-bot", a->req.subject_uid = 65537, a->req.subject_in_range = true)) \
    CASE(PERMIT, opened_by_issuer, (a->facts.task_known = false, a->facts.issuer.opens_tasks = true)) \
    CASE(INTERNAL, null_service, a->req.service = NULL) \
    CASE(INTERNAL, null_subject, a->req.subject = NULL) \
    CASE(INTERNAL, null_rules, a->facts.rules = NULL) \
    CASE(INTERNAL, issuer_state_0, a->facts.issuer.state = (enum nhi_issuer_state)0) \
    CASE(INTERNAL, issuer_state_9, a->facts.issuer.state = (enum nhi_issuer_state)9) \
    CASE(INTERNAL, agent_state_0, a->facts.agent_state = (enum nhi_agent_state)0) \
    CASE(INTERNAL, agent_state_9, a->facts.agent_state = (enum nhi_agent_state)9) \
    CASE(LOCKDOWN, lockdown, a->facts.lockdown = true) \
    CASE(MACHINE, another_machine, a->facts.strange = true) \
    CASE(MACHINE, another_machine_without_a_ticket, (a->facts.strange = true, a->req.ticket = NULL)) \
    CASE(ROLLED_BACK, rolled_back, a->facts.rolled_back = true) \
    CASE(LOCKDOWN, locked_down_on_another_machine, (a->facts.strange = true, a->facts.lockdown = true)) \
    CASE(CLOCK, clock_back, a->facts.latest = NOW + 31) \
    CASE(PERMIT, clock_back_within_skew, a->facts.latest = NOW + 30) \
    CASE(NOT_YET, clock_before_1970_in_a_new_ledger, (a->facts.latest = 0, a->req.now = -1000)) \
    CASE(SUBJECT, empty_subject, a->req.subject = "") \
    CASE(SUBJECT, empty_service, a->req.service = "") \
    CASE(PRIVILEGED, uid_0, a->req.subject_uid = 0) \
    CASE(PRIVILEGED, privileged_group, a->req.subject_privileged = true) \
    CASE(SUBJECT, somebody_else_of_an_agents_name, \
         (a->req.subject_in_range = false, a->facts.subject_agent = a->req.subject_uid + 1)) \
    CASE(GROUPS, groups_unknown, a->req.subject_blind = true) \
    CASE(PRIVILEGED, known_to_be_privileged_and_more_unknown, \
         (a->req.subject_blind = true, a->req.subject_privileged = true)) \
    CASE(NO_TICKET, no_ticket, a->req.ticket = NULL) \
    CASE(ISSUER_UNKNOWN, issuer_unknown, a->facts.issuer_known = false) \
    CASE(ISSUER_UNKNOWN, issuer_is_another, SET(facts.issuer.kid, "k2")) \
    CASE(ISSUER_UNKNOWN, issuer_unnamed, SET(ticket.kid, "")) \
    CASE(ISSUER_RETIRED, issuer_retired, a->facts.issuer.state = NHI_ISSUER_RETIRED) \
    CASE(ISSUER_REVOKED, issuer_revoked, a->facts.issuer.state = NHI_ISSUER_REVOKED) \
    CASE(ISSUER_BOUNDS, bound_agent, SET(facts.issuer.agents, "ci-bo")) \
    CASE(ISSUER_BOUNDS, bound_account, SET(facts.issuer.accounts, "ci-bot")) \
    CASE(ISSUER_BOUNDS, bound_service, SET(facts.issuer.services, "sshd")) \
    CASE(ISSUER_BOUNDS, nobody_under_a_star, (SET(facts.issuer.agents, "*"), SET(ticket.agent, ""))) \
    CASE(ISSUER_BOUNDS, bound_agent_empty, SET(facts.issuer.agents, "")) \
    CASE(ISSUER_BOUNDS, bound_account_empty, SET(facts.issuer.accounts, "")) \
    CASE(ISSUER_BOUNDS, bound_service_empty, SET(facts.issuer.services, "")) \
    CASE(ISSUER_BOUNDS, star_among_others, SET(facts.issuer.agents, "* other")) \
    CASE(ISSUER_BOUNDS, bound_max_ttl_0, a->facts.issuer.max_ttl = 0) \
    CASE(ISSUER_BOUNDS, bound_ttl, a->facts.issuer.max_ttl = 3599) \
    CASE(ISSUER_BOUNDS, ends_before_it_starts, a->ticket.exp = NOW - 601) \
    CASE(ISSUER_BOUNDS, ends_as_it_starts, a->ticket.exp = NOW - 600) \
    CASE(ISSUER_BOUNDS, no_accounts, SET(ticket.accounts, "")) \
    CASE(ISSUER_BOUNDS, no_services, SET(ticket.services, "")) \
    CASE(HOST, other_host, SET(ticket.host, "host.example.or")) \
    CASE(HOST, no_host, SET(ticket.host, "")) \
    CASE(HOST, ledger_names_no_host, SET(facts.host, "")) \
    CASE(HOST, nobodys_host, (SET(facts.host, ""), SET(ticket.host, ""))) \
    CASE(EXPIRED, expired, a->req.now = NOW + 3000) \
    CASE(PERMIT, last_second, a->req.now = NOW + 2999) \
    CASE(NOT_YET, iat_ahead, (a->req.now = NOW - 631, a->facts.latest = 0)) \
    CASE(PERMIT, iat_within_skew, (a->req.now = NOW - 630, a->facts.latest = 0)) \
    CASE(NOT_YET, nbf_ahead, a->ticket.nbf = NOW + 31) \
    CASE(PERMIT, nbf_within_skew, a->ticket.nbf = NOW + 30) \
    CASE(REVOKED, revoked, a->facts.revoked = true) \
    CASE(EPOCH, of_a_former_epoch, (a->facts.epoch_at = 1, a->facts.recorded = true, a->facts.former = true)) \
    CASE(EPOCH, of_a_former_epoch_and_revoked, \
         (a->facts.epoch_at = 1, a->facts.recorded = a->facts.former = a->facts.revoked = true)) \
    CASE(PERMIT, of_this_epoch, (a->facts.epoch_at = NOW, a->facts.recorded = true)) \
    CASE(EPOCH, own_but_not_recorded, (a->facts.epoch_at = 1, a->facts.recorded = false)) \
    CASE(UNRECORDED, signed_with_our_key_but_not_here, a->facts.recorded = false) \
    CASE(UNRECORDED, the_same_and_expired, (a->facts.recorded = false, a->req.now = NOW + 3000)) \
    CASE(UNRECORDED, ended_as_long_ago_as_is_published, (a->facts.recorded = false, a->req.now = NOW + 3000 + 3629)) \
    CASE(EXPIRED, ended_longer_ago, (a->facts.recorded = false, a->req.now = NOW + 3000 + 3630)) \
    CASE(EXPIRED, the_same_in_a_later_epoch, \
         (a->facts.epoch_at = 1, a->facts.recorded = false, a->req.now = NOW + 3000 + 3630)) \
    CASE(REVOKED, the_same_and_revoked, (a->facts.recorded = false, a->facts.revoked = true)) \
    CASE(PERMIT, anothers_not_recorded, (a->facts.recorded = false, other_clock(a))) \
    CASE(EPOCH, anothers_of_before, (a->facts.epoch_at = NOW - 600, other_clock(a))) \
    CASE(EPOCH, anothers_within_skew, (a->facts.epoch_at = NOW - 630, other_clock(a))) \
    CASE(EPOCH, anothers_recorded_anew, (a->facts.epoch_at = NOW - 630, other_clock(a), a->facts.recorded = true)) \
    CASE(PERMIT, anothers_of_after, (a->facts.epoch_at = NOW - 631, other_clock(a))) \
    CASE(ISSUER_BOUNDS, id_of_another, a->facts.differs = true) \
    CASE(SUPERSEDED, superseded, a->facts.superseded = true) \
    CASE(REVOKED, revoked_and_superseded, a->facts.revoked = a->facts.superseded = true) \
    CASE(PERMIT, renewed, SET(facts.successor, "000000000000000000009A")) \
    CASE(TREE, outside_its_tree, SET(facts.tree, "p-00000000-1-2")) \
    CASE(TREE, in_another_tree, (SET(facts.tree, "p-00000000-1-2"), a->req.tree = "p-00000000-1-20")) \
    CASE(PERMIT, inside_its_tree, (SET(facts.tree, "p-00000000-1-2"), a->req.tree = "p-00000000-1-2")) \
    CASE(PERMIT, inside_some_tree, a->req.tree = "p-00000000-1-2") \
    CASE(PERMIT, pinned_here, SET(facts.pin, "192.0.2.1")) \
    CASE(PERMIT, local_first, a->req.remote = false) \
    CASE(PIN, pinned_elsewhere, SET(facts.pin, "192.0.2.10")) \
    CASE(PIN, local_after_remote, (a->req.remote = false, a->req.place = "s-1", SET(facts.pin, "192.0.2.1"))) \
    CASE(PIN, nowhere, a->req.place = NULL) \
    CASE(PIN, from_a_keyring, (SET(facts.pin, "elsewhere"), a->req.source = NHI_FROM_KEYRING)) \
    CASE(PERMIT, from_a_session, (SET(facts.pin, "elsewhere"), a->req.source = NHI_FROM_SESSION)) \
    CASE(PERMIT, from_the_ledger, (SET(facts.pin, "elsewhere"), a->req.source = NHI_FROM_LEDGER)) \
    CASE(PERMIT, not_to_be_pinned, (SET(facts.pin, "elsewhere"), a->facts.no_pin = true)) \
    CASE(PERMIT, only_recorded, (SET(facts.pin, "elsewhere"), a->facts.pin_records = true)) \
    CASE(PERMIT, bound_to_a_key_anywhere, \
         (SET(facts.pin, "elsewhere"), a->ticket.has_cnf = true, a->req.key = a->ticket.cnf)) \
    CASE(REVOKED, agents_revoked_at, a->facts.agent_revoked_until = NOW - 600) \
    CASE(REVOKED, agents_revoked_after, a->facts.agent_revoked_until = NOW - 599) \
    CASE(PERMIT, agents_revoked_before, a->facts.agent_revoked_until = NOW - 601) \
    CASE(PERMIT, agents_never_revoked, (a->facts.agent_revoked_until = 0, other_clock(a))) \
    CASE(REVOKED, revoked_within_skew, (a->facts.agent_revoked_until = NOW - 630, other_clock(a))) \
    CASE(PERMIT, revoked_beyond_skew, (a->facts.agent_revoked_until = NOW - 631, other_clock(a))) \
    CASE(AGENT_UNKNOWN, agent_unknown, a->facts.agent_known = false) \
    CASE(AGENT_SUSPENDED, suspended, a->facts.agent_state = NHI_AGENT_SUSPENDED) \
    CASE(AGENT_RETIRED, retired, a->facts.agent_state = NHI_AGENT_RETIRED) \
    CASE(PERMIT, overdue, a->facts.agent_review_by = NOW - 1) \
    CASE(AGENT_OVERDUE, overdue_where_that_denies, (a->facts.agent_review_by = NOW, a->facts.overdue_denies = true)) \
    CASE(PERMIT, not_overdue_yet, (a->facts.agent_review_by = NOW + 1, a->facts.overdue_denies = true)) \
    CASE(TASK_UNKNOWN, task_unknown, a->facts.task_known = false) \
    CASE(TASK_CLOSED, closed, a->facts.task_state = NHI_TASK_CLOSED) \
    CASE(TASK_CLOSED, task_state_0, a->facts.task_state = (enum nhi_task_state)0) \
    CASE(TASK_CLOSED, closed_though_issuer_opens, \
         (a->facts.issuer.opens_tasks = true, a->facts.task_state = NHI_TASK_CLOSED)) \
    CASE(TASK_ENDED, deadline, a->facts.task_deadline = NOW) \
    CASE(TASK_ENDED, deadline_passed, a->facts.task_deadline = NOW - 1) \
    CASE(PERMIT, deadline_ahead, a->facts.task_deadline = NOW + 1) \
    CASE(TASK_AGENT, anothers_task, SET(facts.task_agent, "other-bot")) \
    CASE(TASK_AGENT, nobodys_task, SET(facts.task_agent, "")) \
    CASE(KEY, bound_to_a_key, a->ticket.has_cnf = true) \
    CASE(PERMIT, key_proven, (a->ticket.has_cnf = true, a->req.key = a->ticket.cnf)) \
    CASE(KEY, other_key, (a->ticket.has_cnf = true, a->req.key = a->other_key)) \
    CASE(KEY, bearer_by_key, (a->req.source = NHI_FROM_KEY, a->req.key = a->other_key)) \
    CASE(PERMIT, key_not_needed, a->req.key = a->other_key) \
    CASE(ACCOUNT, other_account, a->req.subject = "batch") \
    CASE(ACCOUNT, part_of_a_name, a->req.subject = "deplo") \
    CASE(ACCOUNT, two_names, a->req.subject = "deploy ci-bot") \
    CASE(ACCOUNT, star, a->req.subject = "*") \
    CASE(ACCOUNT, an_agents_account, a->req.subject_in_range = true) \
    CASE(ACCOUNT, another_agents_account_in_no_range, a->facts.subject_agent = a->req.subject_uid) \
    CASE(ACCOUNT, own_name_other_uid, \
         (a->req.subject = "ci-bot", a->req.subject_uid = 65538, a->req.subject_in_range = true)) \
    CASE(SERVICE, other_service_name, a->req.service = "cron") \
    CASE(SERVICE, part_of_a_service, a->req.service = "ssh") \
    CASE(SERVICE, ticket_lacks_service, (a->req.service = "sudo", SET(ticket.services, "sshd"))) \
    CASE(POLICY, no_rules, a->facts.rule_count = 0) \
    CASE(POLICY, no_rules_at_all, (a->facts.rule_count = 0, a->facts.rules = NULL)) \
    CASE(POLICY, rule_agent, SET(rules[0].agents, "other-bot")) \
    CASE(POLICY, rule_account, SET(rules[0].accounts, "ci-bot")) \
    CASE(POLICY, rule_service, SET(rules[0].services, "sudo")) \
    CASE(POLICY, rule_agent_empty, SET(rules[0].agents, "")) \
    CASE(POLICY, rule_account_empty, SET(rules[0].accounts, "")) \
    CASE(POLICY, rule_service_empty, SET(rules[0].services, "")) \
    CASE(PERMIT, rule_star, SET(rules[0].agents, "*")) \
    CASE(POLICY, behind_the_owners, (SET(rules[0].owners, "ab\0b"), SET(facts.agent_owner, "b"))) \
    CASE(POLICY, nobodys_line, (SET(rules[0].owners, "\nab"), SET(facts.agent_owner, ""))) \
    CASE(PERMIT, second_owner, (SET(rules[0].owners, "ab\nb"), SET(facts.agent_owner, "b"))) \
    CASE(POLICY, end_of_an_owner, (SET(rules[0].owners, "ab\ncd"), SET(facts.agent_owner, "b"))) \
    CASE(LIFETIME, too_long_here, a->facts.max_lifetime = a->ticket.exp - a->ticket.iat - 1) \
    CASE(PERMIT, as_long_as_may_be, a->facts.max_lifetime = a->ticket.exp - a->ticket.iat) \
    CASE(UNSUPERVISED, nobody_watches, a->facts.unsupervised = true) \
    CASE(FORBIDDEN, nobody_need_watch, (a->facts.unsupervised = true, a->rules[0].forbid = true)) \
    CASE(LIMIT, sessions_full, (a->rules[0].max_sessions = 2, a->rules[0].sessions = 2)) \
    CASE(PERMIT, sessions_room, (a->rules[0].max_sessions = 2, a->rules[0].sessions = 1)) \
    CASE(PERMIT, sessions_own, (a->rules[0].max_sessions = 2, a->rules[0].sessions = 2, a->req.registered = true)) \
    CASE(LIMIT, sessions_own_over, (a->rules[0].max_sessions = 2, a->rules[0].sessions = 3, a->req.registered = true)) \
    CASE(PERMIT, sessions_inside, (a->rules[0].max_sessions = 2, a->rules[0].sessions = 2, a->req.tree = "p-x")) \
    CASE(LIMIT, grants_full, (a->rules[0].max_grants = 2, a->rules[0].grants = 2)) \
    CASE(PERMIT, grants_room, (a->rules[0].max_grants = 2, a->rules[0].grants = 1)) \
    CASE(PERMIT, grants_own, (a->rules[0].max_grants = 2, a->rules[0].grants = 2, a->req.granted = true)) \
    CASE(FORBIDDEN, forbidden, a->rules[0].forbid = true)

#define CASE(want, name, change) \
    static void change_##name(struct ask *a) \
    { \
        change; \
    }
CASES
#undef CASE

#define NHI_DENY_PERMIT NHI_PERMIT /* CASE names all outcomes alike */
#define CASE(want, name, change) { #name, NHI_DENY_##want, change_##name },
static const struct {
    const char *name;
    enum nhi_reason want;
    void (*change)(struct ask *);
} cases[] = { CASES };
#undef CASE

static void each_change(void **state)
{
    struct nhi_decision d;
    struct ask a;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        base(&a);
        cases[i].change(&a);
        d = nhi_decide(&a.req, &a.facts);
        if (d.reason != cases[i].want)
            print_error("%s: %s\n", cases[i].name, nhi_reason_name(d.reason));
        assert_int_equal(d.reason, cases[i].want);
        assert_int_equal(d.handed_off, strcmp(cases[i].name, "only_recorded") == 0);
        /* The deciding rule is named when a rule decided, and only then. */
        assert_ptr_equal(d.rule, d.reason == NHI_PERMIT || d.reason == NHI_DENY_FORBIDDEN || d.reason == NHI_DENY_LIMIT
                                     ? a.facts.rules
                                     : NULL);
    }
}

/* Outcomes that other functions produce before or after this one; the table reaches all the rest. */
static bool given_elsewhere(enum nhi_reason r)
{
    return r == NHI_DENY_LEDGER || r == NHI_DENY_STATE || r == NHI_DENY_AMBIGUOUS || r == NHI_DENY_MALFORMED ||
           r == NHI_DENY_SIGNATURE || r == NHI_DENY_SESSION || r == NHI_DENY_USES || r == NHI_DENY_RECORD;
}

/* What one rule takes away, another does not give back; a rule that does not match takes nothing away. */
static void every_permit_restricts(void **state)
{
    struct nhi_decision d;
    struct ask a;

    (void)state;
    base(&a);
    a.rules[0].ssh = 1;
    a.rules[1] = a.rules[2] = a.rules[3] = a.rules[0];
    a.rules[1].ssh = 0;
    a.rules[2].ssh = 4;
    memcpy(a.rules[3].services, "sudo", 5);
    a.rules[3].ssh = 8;
    a.facts.rule_count = 4;
    d = nhi_decide(&a.req, &a.facts);
    assert_int_equal(d.reason, NHI_PERMIT);
    assert_int_equal(d.ssh, 5);
    a.ticket.ssh = 2;
    assert_int_equal(nhi_decide(&a.req, &a.facts).ssh, 7);
}

/* If one rule has a limit and another has none, the other one permits, whatever their order and names. */
static void without_a_limit_first(void **state)
{
    struct ask a;

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        struct nhi_rule *limited = &a.rules[i % 2], *other = &a.rules[1 - i % 2];

        base(&a);
        a.rules[1] = a.rules[0];
        a.facts.rule_count = 2;
        limited->name[0] = i / 2 % 2 == 0 ? 'a' : 'z';
        if (i / 4 == 0)
            limited->max_sessions = 2;
        else
            limited->max_grants = 2;
        assert_ptr_equal(nhi_decide(&a.req, &a.facts).rule, other);
    }
}

/* As many networks as the rule has, and no more. */
static void networks_that_count(void **state)
{
    struct ask a;

    (void)state;
    base(&a);
    a.req.from = "192.0.2.1";
    assert_int_equal(nhi_net_parse("10.0.0.0/8", &a.rules[0].nets[0]), NHI_OK);
    assert_int_equal(nhi_net_parse("192.0.2.0/24", &a.rules[0].nets[1]), NHI_OK);
    a.rules[0].net_count = 1;
    assert_int_equal(nhi_decide(&a.req, &a.facts).reason, NHI_DENY_POLICY);
    a.rules[0].net_count = 2;
    assert_int_equal(nhi_decide(&a.req, &a.facts).reason, NHI_PERMIT);
}

/* A permit has an end: a second before, it holds; then it is decided again. */
static void lasts_until(void **state)
{
    struct ask a;

    (void)state;
    base(&a);
    assert_true(nhi_permit_until(&a.req, &a.facts) == a.ticket.exp);
    a.facts.task_deadline = NOW + 100;
    assert_true(nhi_permit_until(&a.req, &a.facts) == NOW + 100);
    a.facts.task_known = false;
    assert_true(nhi_permit_until(&a.req, &a.facts) == a.ticket.exp);
    a.facts.task_known = true;
    a.facts.task_deadline = a.ticket.exp;
    a.facts.agent_review_by = NOW + 40;
    assert_true(nhi_permit_until(&a.req, &a.facts) == a.ticket.exp);
    a.facts.overdue_denies = true;
    assert_true(nhi_permit_until(&a.req, &a.facts) == NOW + 40);
    a.facts.overdue_denies = false;
    a.rules[0].max_age = 650;
    assert_true(nhi_permit_until(&a.req, &a.facts) == NOW + 51);
    a.facts.rule_count = 0;
    assert_true(nhi_permit_until(&a.req, &a.facts) == a.ticket.exp);
    a.facts.rule_count = 1;
    a.req.now = NOW + 50;
    assert_int_equal(nhi_decide(&a.req, &a.facts).reason, NHI_PERMIT);
    a.req.now = NOW + 51;
    assert_int_equal(nhi_decide(&a.req, &a.facts).reason, NHI_DENY_POLICY);
    a.rules[0].max_age = 0;
    a.rules[0].days = 127;
    a.req.now = NOW + 50;
    assert_true(nhi_permit_until(&a.req, &a.facts) == NOW + 60);
    a.req.now = NOW + 60;
    assert_true(nhi_permit_until(&a.req, &a.facts) == NOW + 120);
}

/* The future, as far as it is certain; a moment at which it only might end is skipped. */
static void what_is_ahead(void **state)
{
    enum nhi_reason why;
    struct ask a;

    (void)state;
    base(&a);
    a.rules[0].days = 127;
    a.rules[0].offset_known = true;
    assert_true(nhi_permit_ahead(&a.req, &a.facts, NOW + 150, &why) == NOW + 180);
    assert_int_equal(why, NHI_PERMIT);
    /* The horizon itself is checked, too. */
    assert_true(nhi_permit_ahead(&a.req, &a.facts, NOW + 120, &why) == NOW + 180);
    assert_int_equal(why, NHI_PERMIT);
    base(&a);
    assert_true(nhi_permit_ahead(&a.req, &a.facts, a.ticket.exp - 1, &why) == a.ticket.exp);
    assert_int_equal(why, NHI_PERMIT);
    assert_true(nhi_permit_ahead(&a.req, &a.facts, a.ticket.exp, &why) == a.ticket.exp);
    assert_int_equal(why, NHI_DENY_EXPIRED);
    a.facts.task_deadline = NOW + 100;
    assert_true(nhi_permit_ahead(&a.req, &a.facts, NOW + 150, &why) == NOW + 100);
    assert_int_equal(why, NHI_DENY_TASK_ENDED);
    a.rules[0].days = 127;
    a.rules[0].offset_known = true;
    assert_true(nhi_permit_ahead(&a.req, &a.facts, NOW + 150, &why) == NOW + 100);
    assert_int_equal(why, NHI_DENY_TASK_ENDED);
}

/* A failure of ours, or of the moment, ends no session. */
static void ends_of_sessions(void **state)
{
    static const enum nhi_reason no[] = { NHI_PERMIT,       NHI_DENY_INTERNAL,     NHI_DENY_LEDGER,
                                          NHI_DENY_CLOCK,   NHI_DENY_SUBJECT,      NHI_DENY_LIMIT,
                                          NHI_DENY_RECORD,  NHI_DENY_UNSUPERVISED, NHI_DENY_SUPERSEDED,
                                          NHI_DENY_MACHINE, NHI_DENY_ROLLED_BACK };
    static const enum nhi_reason yes[] = { NHI_DENY_LOCKDOWN,        NHI_DENY_EXPIRED,    NHI_DENY_REVOKED,
                                           NHI_DENY_AGENT_SUSPENDED, NHI_DENY_TASK_ENDED, NHI_DENY_TASK_CLOSED,
                                           NHI_DENY_POLICY,          NHI_DENY_FORBIDDEN,  NHI_DENY_ISSUER_REVOKED,
                                           NHI_DENY_AGENT_OVERDUE,   NHI_DENY_EPOCH,      NHI_DENY_UNRECORDED };

    (void)state;
    for (size_t i = 0; i < COUNT(no); i++)
        assert_false(nhi_reason_is_end(no[i]));
    for (size_t i = 0; i < COUNT(yes); i++)
        assert_true(nhi_reason_is_end(yes[i]));
}

/* What is wrong with the host, the account or the moment, and what is on record against the ticket. */
#define MASKS \
    MASK(clock_back, a->facts.latest = NOW + 3600) \
    MASK(machine, a->facts.strange = true) \
    MASK(rolled_back, a->facts.rolled_back = true) \
    MASK(no_account, a->req.subject = "") \
    MASK(root, a->req.subject_uid = 0) \
    MASK(privileged, a->req.subject_privileged = true) \
    MASK(renamed, SET(facts.host, "other.example.org")) \
    MASK(other_account, a->req.subject = "batch") \
    MASK(other_service, a->req.service = "cron") \
    MASK(nobody_watches, a->facts.unsupervised = true) \
    MASK(superseded, a->facts.superseded = true) \
    MASK(not_yet, a->ticket.nbf = NOW + 3600) \
    MASK(out_of_its_tree, SET(facts.tree, "p-00000000-1-2")) \
    MASK(key, a->ticket.has_cnf = true) \
    MASK(issuer_state, a->facts.issuer.state = (enum nhi_issuer_state)9) \
    MASK(agent_state, a->facts.agent_state = (enum nhi_agent_state)9)
#define ENDS \
    END(LOCKDOWN, a->facts.lockdown = true) \
    END(REVOKED, a->facts.revoked = true) \
    END(EXPIRED, a->ticket.exp = NOW) \
    END(EPOCH, (a->facts.epoch_at = 1, a->facts.recorded = a->facts.former = true)) \
    END(TASK_CLOSED, a->facts.task_state = NHI_TASK_CLOSED) \
    END(TASK_ENDED, a->facts.task_deadline = NOW) \
    END(TASK_AGENT, SET(facts.task_agent, "other-bot")) \
    END(LIFETIME, a->facts.max_lifetime = 1)
/* Those that a state which is not defined replaces: the last two of the masks. */
#define ENDS_OF_STATE \
    END(REVOKED, a->facts.agent_revoked_until = NOW) \
    END(AGENT_SUSPENDED, a->facts.agent_state = NHI_AGENT_SUSPENDED) \
    END(AGENT_RETIRED, a->facts.agent_state = NHI_AGENT_RETIRED) \
    END(AGENT_OVERDUE, (a->facts.agent_review_by = NOW, a->facts.overdue_denies = true)) \
    END(ISSUER_RETIRED, a->facts.issuer.state = NHI_ISSUER_RETIRED) \
    END(ISSUER_REVOKED, a->facts.issuer.state = NHI_ISSUER_REVOKED) \
    END(ISSUER_BOUNDS, SET(facts.issuer.agents, "other-bot"))

#define MASK(name, change) \
    static void mask_##name(struct ask *a) \
    { \
        change; \
    }
MASKS
#undef MASK
#define MASK(name, change) { #name, mask_##name },
static const struct {
    const char *name;
    void (*change)(struct ask *);
} masks[] = { MASKS };
#undef MASK

#define END(reason, change) +1
enum { STATE_ENDS = 0 ENDS_OF_STATE };
#undef END

static unsigned put_end(struct ask *a, unsigned n, enum nhi_reason *want)
{
    unsigned i = 0;

#define END(reason, change) \
    if (i++ == n) { \
        change; \
        *want = NHI_DENY_##reason; \
    }
    ENDS ENDS_OF_STATE
#undef END
        return i;
}

/* Whether it has ended is a separate question: neither the clock, the account, the host nor the machine matters, and it
 * is answered first. */
static void over_is_asked_first(void **state)
{
    enum nhi_reason want = NHI_PERMIT;
    struct ask a;
    unsigned count;

    (void)state;
    base(&a);
    count = put_end(&a, UINT32_MAX, &want);
    assert_int_equal(nhi_is_over(&a.ticket, &a.facts, NOW), NHI_PERMIT);
    for (size_t m = 0; m < COUNT(masks); m++) {
        base(&a);
        masks[m].change(&a);
        if (nhi_is_over(&a.ticket, &a.facts, NOW) != NHI_PERMIT)
            fail_msg("%s is an end", masks[m].name);
        assert_int_not_equal(nhi_decide(&a.req, &a.facts).reason, NHI_PERMIT);
        for (unsigned n = 0; n < (m < COUNT(masks) - 2 ? count : count - STATE_ENDS); n++) {
            base(&a);
            masks[m].change(&a);
            (void)put_end(&a, n, &want);
            if (nhi_is_over(&a.ticket, &a.facts, NOW) != want || nhi_decide(&a.req, &a.facts).reason != want)
                fail_msg("%s hides that it is %s", masks[m].name, nhi_reason_name(want));
        }
    }
    assert_int_equal(nhi_is_over(NULL, &a.facts, NOW), NHI_PERMIT);
    assert_int_equal(nhi_is_over(&a.ticket, NULL, NOW), NHI_PERMIT);
}

/* What is missing in a ledger that is not this host's, not the newest, or could not be read may exist elsewhere; what
 * it has, or the reserve has, counts. */
static void what_is_lacking_ends_nothing(void **state)
{
    static void (*const lack[])(struct ask *) = { change_issuer_unknown, change_agent_unknown, change_task_unknown,
                                                  change_signed_with_our_key_but_not_here };
    struct ask a;

    (void)state;
    for (size_t i = 0; i < COUNT(lack); i++) {
        base(&a);
        lack[i](&a);
        assert_true(nhi_reason_is_end(nhi_is_over(&a.ticket, &a.facts, NOW)));
        a.facts.strange = true;
        assert_int_equal(nhi_is_over(&a.ticket, &a.facts, NOW), NHI_PERMIT);
        assert_int_equal(nhi_decide(&a.req, &a.facts).reason, NHI_DENY_MACHINE);
        a.facts.strange = false;
        a.facts.rolled_back = true;
        assert_int_equal(nhi_is_over(&a.ticket, &a.facts, NOW), NHI_PERMIT);
        assert_int_equal(nhi_decide(&a.req, &a.facts).reason, NHI_DENY_ROLLED_BACK);
        a.facts.rolled_back = false;
        a.facts.unread = true;
        assert_int_equal(nhi_is_over(&a.ticket, &a.facts, NOW), NHI_PERMIT);
        assert_int_equal(nhi_decide(&a.req, &a.facts).reason, NHI_DENY_LEDGER);
        a.facts.revoked = true;
        assert_int_equal(nhi_is_over(&a.ticket, &a.facts, NOW), NHI_DENY_REVOKED);
    }
    base(&a);
    a.facts.epoch_at = 1;
    a.facts.recorded = false;
    assert_int_equal(nhi_is_over(&a.ticket, &a.facts, NOW), NHI_DENY_EPOCH);
    a.facts.rolled_back = true;
    assert_int_equal(nhi_is_over(&a.ticket, &a.facts, NOW), NHI_PERMIT);
    /* A renewed ticket continues as another one, which only the ledger knows. */
    base(&a);
    assert_int_equal(nhi_is_over(&a.ticket, &a.facts, a.ticket.exp), NHI_DENY_EXPIRED);
    a.facts.unread = true;
    assert_int_equal(nhi_is_over(&a.ticket, &a.facts, a.ticket.exp), NHI_PERMIT);
}

/* The first moment is the one at which the answer changes, and the one before is not. */
static void over_at_its_end(void **state)
{
    struct ask a;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        int64_t at;

        base(&a);
        if (i == 1)
            a.facts.task_deadline = NOW + 100;
        if (i == 2 || i == 3)
            a.facts.agent_review_by = NOW + 200;
        a.facts.overdue_denies = i == 2 || i == 4;
        a.facts.agent_known = i != 4;
        a.facts.unread = i == 4;
        at = nhi_over_at(&a.ticket, &a.facts);
        assert_true(at == (i == 1 ? NOW + 100 : i == 2 ? NOW + 200 : a.ticket.exp));
        assert_int_equal(nhi_is_over(&a.ticket, &a.facts, at - 1), NHI_PERMIT);
        if (i != 4)
            assert_true(nhi_reason_is_end(nhi_is_over(&a.ticket, &a.facts, at)));
    }
}

static void every_reason(void **state)
{
    (void)state;
    for (unsigned r = 0; r < NHI_REASON_COUNT; r++) {
        bool reached = false;

        for (size_t i = 0; i < COUNT(cases); i++)
            reached |= cases[i].want == (enum nhi_reason)r;
        if (reached == given_elsewhere((enum nhi_reason)r))
            fail_msg("%s: %s", nhi_reason_name((enum nhi_reason)r), reached ? "is not given elsewhere" : "has no CASE");
        assert_non_null(nhi_reason_name((enum nhi_reason)r));
        assert_non_null(nhi_reason_text((enum nhi_reason)r));
        for (unsigned other = 0; other < r; other++) {
            assert_string_not_equal(nhi_reason_name((enum nhi_reason)r), nhi_reason_name((enum nhi_reason)other));
            assert_string_not_equal(nhi_reason_text((enum nhi_reason)r), nhi_reason_text((enum nhi_reason)other));
        }
    }
    assert_string_equal(nhi_reason_name(NHI_REASON_COUNT), "internal");
    assert_string_equal(nhi_reason_text((enum nhi_reason)1000), nhi_reason_text(NHI_DENY_INTERNAL));
    assert_string_equal(nhi_source_name((enum nhi_source)0), "unknown");
}

static void nulls(void **state)
{
    struct ask a;

    (void)state;
    base(&a);
    assert_int_equal(nhi_decide(NULL, &a.facts).reason, NHI_DENY_INTERNAL);
    assert_int_equal(nhi_decide(&a.req, NULL).reason, NHI_DENY_INTERNAL);
    assert_int_equal(nhi_decide(NULL, NULL).reason, NHI_DENY_INTERNAL);
}

/* Facts and tickets without any content: filling in any single field does not help. */
static void all_zero(void **state)
{
    static const struct nhi_facts none;
    static const struct nhi_ticket blank;
    struct nhi_facts f = none;
    struct ask a;

    (void)state;
    base(&a);
    assert_int_equal(nhi_decide(&a.req, &none).reason, NHI_DENY_ISSUER_UNKNOWN);
    f.issuer_known = true;
    a.req.ticket = &blank;
    assert_int_equal(nhi_decide(&a.req, &f).reason, NHI_DENY_EXPIRED);
    a.req.now = -1;
    assert_int_equal(nhi_decide(&a.req, &f).reason, NHI_DENY_AGENT_UNKNOWN);
    a.req.now = NOW;
    assert_int_equal(nhi_decide(&a.req, &a.facts).reason, NHI_DENY_ISSUER_UNKNOWN);
}

/* One rule forbids, three permit: every place for it, and the same with rules that do not match. */
static void forbid_wins(void **state)
{
    struct nhi_decision d;
    struct ask a;

    (void)state;
    for (size_t at = 0; at < COUNT(a.rules); at++) {
        base(&a);
        for (size_t i = 1; i < COUNT(a.rules); i++)
            a.rules[i] = a.rules[0];
        a.facts.rule_count = COUNT(a.rules);
        a.rules[at].forbid = true;
        d = nhi_decide(&a.req, &a.facts);
        assert_int_equal(d.reason, NHI_DENY_FORBIDDEN);
        assert_ptr_equal(d.rule, &a.rules[at]);
        memcpy(a.rules[at].services, "sudo", 5);
        d = nhi_decide(&a.req, &a.facts);
        assert_int_equal(d.reason, NHI_PERMIT);
        assert_ptr_not_equal(d.rule, &a.rules[at]);
    }
}

/* Issuer bounds apply to every name that a ticket lists, also to those not in the request. */
static void bounds_cover_the_whole_list(void **state)
{
    struct ask a;

    (void)state;
    base(&a);
    assert_true(nhi_issuer_allows(&a.facts.issuer, &a.ticket));
    memcpy(a.ticket.accounts, "deploy ci-bot root", 19);
    assert_false(nhi_issuer_allows(&a.facts.issuer, &a.ticket));
    memcpy(a.facts.issuer.accounts, "*", 2);
    assert_true(nhi_issuer_allows(&a.facts.issuer, &a.ticket));
    a.ticket.exp = NOW + 3001;
    assert_false(nhi_issuer_allows(&a.facts.issuer, &a.ticket));
}

/* A moment that never was does not come before any ticket, however old. */
static void issued_by_a_moment(void **state)
{
    struct nhi_issuer own = { .own = true }, other = { .own = false };
    struct nhi_ticket t = { .iat = 0 };

    (void)state;
    assert_false(nhi_issued_by(&own, &t, 0));
    assert_false(nhi_issued_by(&other, &t, 0));
    assert_false(nhi_issued_by(&other, &t, -1));
    t.iat = 1;
    assert_true(nhi_issued_by(&own, &t, 1));
    t.iat = 2;
    assert_false(nhi_issued_by(&own, &t, 1));
    t.iat = 1 + NHI_CLOCK_SKEW;
    assert_true(nhi_issued_by(&other, &t, 1));
    t.iat++;
    assert_false(nhi_issued_by(&other, &t, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change),
        cmocka_unit_test(every_reason),
        cmocka_unit_test(every_permit_restricts),
        cmocka_unit_test(without_a_limit_first),
        cmocka_unit_test(networks_that_count),
        cmocka_unit_test(lasts_until),
        cmocka_unit_test(what_is_ahead),
        cmocka_unit_test(ends_of_sessions),
        cmocka_unit_test(over_is_asked_first),
        cmocka_unit_test(what_is_lacking_ends_nothing),
        cmocka_unit_test(over_at_its_end),
        cmocka_unit_test(issued_by_a_moment),
        cmocka_unit_test(nulls),
        cmocka_unit_test(all_zero),
        cmocka_unit_test(forbid_wins),
        cmocka_unit_test(bounds_cover_the_whole_list),
    };

    return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
