/* SPDX-License-Identifier: ISC */
/*
 * Each field of a rule, by the table: it is in the line, in the text for people and in the ledger, and its condition is
 * checked. A field that is left out anywhere is missed here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/policy/decide.h"
#include "libnhi/policy/rule_field.h"
#include "libnhi/policy/rule_line.h"
#include "libnhi/policy/rule_text.h"
#include "libnhi/ticket/sshopt.h"
#include "tests/lib/state.h"

static struct nhi_rule plain(void)
{
    return (struct nhi_rule){ .name = "r", .agents = "*", .accounts = "*", .services = "*" };
}

/* A value in that field which the request below does not meet. */
static void fill(struct nhi_rule *r, const struct nhi_rule_field *f)
{
    switch (f->kind) {
    case NHI_FIELD_EFFECT:
    case NHI_FIELD_SPAN:
    case NHI_FIELD_USES:
    case NHI_FIELD_CAP:
    case NHI_FIELD_SSH:
        nhi_rule_field_set(r, f, 1);
        return;
    case NHI_FIELD_NAME:
        memcpy(r->name, "another", 8);
        return;
    case NHI_FIELD_PATTERNS:
    case NHI_FIELD_NAMES:
        memcpy(nhi_rule_field_text_of(r, f), "one two", 8);
        return;
    case NHI_FIELD_OWNERS:
        memcpy(r->owners, "A B\nC", 6);
        return;
    case NHI_FIELD_SOURCE:
        assert_int_equal(nhi_net_parse("192.0.2.0/24", &r->nets[r->net_count++]), NHI_OK);
        r->unix_socket = true;
        return;
    case NHI_FIELD_DAYS:
        r->days = 1u << 1; /* a Monday */
        memcpy(r->zone, "UTC", 4);
        return;
    case NHI_FIELD_HOURS:
        r->hours[r->hours_count++] = (struct nhi_hours){ 0, 1 };
        memcpy(r->zone, "UTC", 4);
        return;
    case NHI_FIELD_ZONE:
        memcpy(r->zone, "Europe/Berlin", 14);
        r->days = 1;
        return;
    case NHI_FIELD_BOUND:
        r->bound = NHI_BOUND_TREE;
        return;
    }
}

static struct nhi_rule read_back(const struct nhi_rule *r)
{
    char line[NHI_RULE_LINE_MAX + 1];
    struct nhi_rule got = { .name = "" };

    nhi_rule_line_format(r, line);
    assert_int_equal(nhi_rule_line_parse(line, &got), NHI_OK);
    return got;
}

static struct nhi_rule from_the_ledger(const struct nhi_rule *r)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_rule *rules = NULL, got;
    size_t count = 0;

    assert_int_equal(nhi_policy_replace(l, r, 1, STATE_HASH, STATE_NOW), NHI_OK);
    assert_int_equal(nhi_policy_load(l, 0, STATE_NOW, &rules, &count), NHI_OK);
    state_end(l);
    assert_int_equal(count, 1);
    got = rules[0];
    free(rules);
    return got;
}

static void each_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < nhi_rule_field_count; i++) {
        const struct nhi_rule_field *f = &nhi_rule_fields[i];
        struct nhi_rule r = plain(), without = plain(), got;
        char text[NHI_RULE_TEXT_MAX + 1], other[NHI_RULE_TEXT_MAX + 1];

        fill(&r, f);
        assert_true(nhi_rule_field_is_set(&r, f));
        assert_ptr_equal(nhi_rule_field(f->key), f);
        got = read_back(&r);
        assert_memory_equal(&got, &r, sizeof(r));
        got = from_the_ledger(&r);
        assert_memory_equal(&got, &r, sizeof(r));
        nhi_rule_format(&r, text);
        nhi_rule_format(&without, other);
        assert_string_not_equal(text, other);
    }
}

static struct nhi_ticket ticket = { .agent = "ci-bot",
                                    .task = "build-1",
                                    .accounts = "deploy web",
                                    .services = "sshd sudo",
                                    .iat = STATE_NOW - 60,
                                    .exp = STATE_NOW + 60 };
static const struct nhi_facts facts = { .agent_owner = "ops" };
static const struct nhi_request req = {
    .now = STATE_NOW, .service = "sshd", .subject = "deploy", .ticket = &ticket, .from = "198.51.100.1"
};

/* A rule with a condition that is filled in, and that the request does not meet. */
static struct nhi_rule asking(const struct nhi_rule_field *f, const struct nhi_rule_field *other)
{
    struct nhi_rule r = plain();

    fill(&r, f);
    if (other != NULL)
        fill(&r, other);
    r.offset_known = true;
    r.sessions = r.grants = 1;
    return r;
}

static enum nhi_condition unmet(const struct nhi_rule *r)
{
    enum nhi_condition failed = nhi_rule_fails(r, &req, &facts);

    return failed == NHI_COND_MET ? nhi_rule_is_full(r, &req) : failed;
}

/* A rule with that condition alone, and a request that meets everything else. */
static void each_is_asked_for(void **state)
{
    bool seen[NHI_COND_COUNT] = { false };
    struct nhi_rule all = plain();

    (void)state;
    for (size_t i = 0; i < nhi_rule_field_count; i++) {
        const struct nhi_rule_field *f = &nhi_rule_fields[i];
        struct nhi_rule r = asking(f, NULL);
        char found[NHI_RULE_FOUND_MAX];

        seen[f->fails] = true;
        if (f->kind != NHI_FIELD_ZONE && unmet(&r) != f->fails)
            fail_msg("%s: the request of this test meets it, or nhi_rule_fails does not look at it", f->key);
        /* Conditions on other uses come last. */
        assert_int_equal(f->fails >= NHI_COND_SESSIONS, f->kind == NHI_FIELD_CAP);
        if (f->fails == NHI_COND_MET)
            continue;
        assert_string_equal(nhi_condition_name(f->fails), f->key);
        nhi_rule_found(f->fails, &r, &req, &facts, found);
        if (found[0] == '\0')
            fail_msg("%s: nhi_rule_found has no text", f->key);
    }
    assert_int_equal(unmet(&all), NHI_COND_MET);
    for (unsigned i = 0; i < NHI_COND_COUNT; i++)
        if (!seen[i])
            fail_msg("condition %u of enum nhi_condition has no row in nhi_rule_fields", i);
}

/* Of two conditions that are not met, the first one of the enumeration is reported. */
static void first_is_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < nhi_rule_field_count; i++)
        for (size_t k = 0; k < nhi_rule_field_count; k++) {
            const struct nhi_rule_field *f = &nhi_rule_fields[i], *later = &nhi_rule_fields[k];
            struct nhi_rule r = asking(f, later);

            if (f->fails == NHI_COND_MET || f->fails >= later->fails)
                continue;
            /* Hours are checked together with their days. */
            assert_int_equal(unmet(&r),
                             f->fails == NHI_COND_DAYS && later->fails == NHI_COND_HOURS ? later->fails : f->fails);
        }
}

/* The longest values of all fields fit into a line. */
static void longest(void **state)
{
    struct nhi_rule r = plain(), got;

    (void)state;
    for (size_t i = 0; i < nhi_rule_field_count; i++) {
        const struct nhi_rule_field *f = &nhi_rule_fields[i];

        if (f->ok != NULL || f->kind == NHI_FIELD_OWNERS || f->kind == NHI_FIELD_ZONE) {
            memset(nhi_rule_field_text_of(&r, f), 'x', f->size - 1);
            nhi_rule_field_text_of(&r, f)[f->size - 1] = '\0';
        } else if (f->max != 0) {
            nhi_rule_field_set(&r, f, f->max < INT64_MAX ? f->max : INT64_MAX - 9);
        }
    }
    r.local = r.unix_socket = true;
    for (; r.net_count < NHI_RULE_NETS_MAX; r.net_count++)
        assert_int_equal(nhi_net_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124", &r.nets[r.net_count]), NHI_OK);
    for (; r.hours_count < NHI_RULE_HOURS_MAX; r.hours_count++)
        r.hours[r.hours_count] = (struct nhi_hours){ 1438, 1439 };
    got = read_back(&r);
    assert_memory_equal(&got, &r, sizeof(r));
}

/* Lines that the ledger would not have written. */
static void no_line(void **state)
{
    static const char *const lines[] = {
        "",
        "name",
        "name=",
        "name=r\t",
        "name=r\tname=s",
        "effect=permit\tname=r",
        "name=r\teffect=maybe",
        "name=r",
        "effect=forbid",
        "name=r\tagent=*\taccount=*\tservice=*",
        "name=r\teffect=permit\tcolour=red",
        "name=r\tdays=128",
        "name=r\tdays=0",
        "name=r\tdays=x",
        "name=r\tdays=1x",
        "name=r\thours=1440-1",
        "name=r\thours=1-1441",
        "name=r\thours=1",
        "name=r\thours=1-2,3-4",
        "name=r\tsource=x",
        "name=r\tbound=8",
        "name=r\tmax_uses=4294967296",
        "name=r\tmax_age=99999999999999999999",
        "name=r\tssh=64",
    };
    char text[NHI_RULE_LINE_MAX + 2];
    struct nhi_rule r;

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        r = (struct nhi_rule){ .name = "" };
        assert_int_equal(nhi_rule_line_parse(lines[i], &r), NHI_ERR_CORRUPT);
    }
    memset(text, 'x', sizeof(text));
    memcpy(text, "name=", 5);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(nhi_rule_line_parse(text, &r), NHI_ERR_CORRUPT);
}

/* Each member of the struct belongs to a field, except those that are loaded with it: any other member would be dropped
 * between file and ledger. */
static void no_member_beside(void **state)
{
    static bool taken[sizeof(struct nhi_rule)];
    const size_t end = offsetof(struct nhi_rule, offset_known);
    size_t spare = 0;

    (void)state;
#define TAKE(member) memset(taken + offsetof(struct nhi_rule, member), true, sizeof(((struct nhi_rule *)0)->member))
    for (size_t i = 0; i < nhi_rule_field_count; i++)
        memset(taken + nhi_rule_fields[i].at, true, nhi_rule_fields[i].size);
    TAKE(nets);
    TAKE(net_count);
    TAKE(local);
    TAKE(unix_socket);
    TAKE(hours);
    TAKE(hours_count);
    for (size_t at = 0; at < end; at++) {
        spare = taken[at] ? 0 : spare + 1;
        assert_true(spare < sizeof(int64_t));
        /* Before an aligned member, padding is shorter than its alignment; a whole word is a member. */
        assert_false(spare == sizeof(uint32_t) && (at + 1) % sizeof(uint32_t) == 0 && taken[at + 1] &&
                     (at + 1) % sizeof(int64_t) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_is_kept, state_ready),
        cmocka_unit_test(each_is_asked_for),
        cmocka_unit_test(first_is_reported),
        cmocka_unit_test(longest),
        cmocka_unit_test(no_line),
        cmocka_unit_test(no_member_beside),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("rule_field", tests, NULL, NULL);
}
