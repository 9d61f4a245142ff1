/* SPDX-License-Identifier: ISC */
/* The check for useless rules finds what a comparison of each rule with each other one finds, for random rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/policy/rule_field.h"
#include "nhictl/policy/shadow.h"

#define POLICIES 400
#define RULES 60

static uint32_t state = 7;

static unsigned pick(unsigned n)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 12) % n;
}

/* Words that match each other often enough, patterns among them; sometimes none, sometimes all. */
static void words(char *out, size_t size, const char *stem, bool patterns)
{
    size_t len = 0;

    out[0] = '\0';
    if (pick(6) == 0)
        return;
    if (pick(5) == 0) {
        snprintf(out, size, "%s", NHI_ANY);
        return;
    }
    for (unsigned i = 0, n = 1 + pick(3); i < n; i++)
        len += (size_t)snprintf(out + len, size - len, patterns && pick(4) == 0 ? "%s%s%u*" : "%s%s%u",
                                i > 0 ? " " : "", stem, pick(4));
}

static struct nhi_rule random_rule(unsigned i)
{
    struct nhi_rule r = { .forbid = pick(3) == 0 };

    snprintf(r.name, sizeof(r.name), "rule-%u", i);
    words(r.agents, sizeof(r.agents), "bot", true);
    words(r.tasks, sizeof(r.tasks), "build", true);
    words(r.accounts, sizeof(r.accounts), "acc", false);
    words(r.services, sizeof(r.services), "svc", false);
    if (pick(8) == 0)
        snprintf(r.owners, sizeof(r.owners), "owner%u", pick(2));
    if (pick(6) == 0)
        r.max_lifetime = 60 + pick(3) * 60;
    if (pick(10) == 0)
        r.max_sessions = 1;
    if (pick(10) == 0)
        r.ssh = 1;
    if (pick(8) == 0)
        r.days = 31;
    return r;
}

/* As it was written before there was an index. */
static bool found_by_all(const struct nhi_rule *rules, size_t count, size_t i, size_t *by)
{
    const struct nhi_rule *r = &rules[i];

    for (size_t n = 0; n < count; n++) {
        const struct nhi_rule *other = &rules[n];

        if (n == i || !shadow_covers(other, r) || (other->forbid == r->forbid && n > i && shadow_covers(r, other)))
            continue;
        if (!other->forbid && (r->forbid || other->max_sessions != 0 || other->max_grants != 0 || r->ssh != 0))
            continue;
        *by = n;
        return true;
    }
    return false;
}

static void finds_the_same(void **unused)
{
    static struct nhi_rule rules[RULES];
    unsigned found = 0, not_found = 0;

    (void)unused;
    for (unsigned p = 0; p < POLICIES; p++) {
        size_t count = 1 + pick(RULES);
        struct shadows s;

        for (unsigned i = 0; i < count; i++)
            rules[i] = random_rule(i);
        assert_true(shadows_read(&s, rules, count));
        for (size_t i = 0; i < count; i++) {
            size_t one = SIZE_MAX, all = SIZE_MAX;
            bool any = found_by_all(rules, count, i, &all);

            assert_int_equal(shadow_find(&s, i, &one), any);
            assert_int_equal(one, all);
            found += any;
            not_found += !any;
        }
        shadows_free(&s);
    }
    assert_true(found > 1000 && not_found > 1000);
}

/* A field of words that the index does not have would make it slow only; one too many would be missed. */
static void has_each_field_of_words(void **unused)
{
    struct nhi_rule r = { .name = "one" };
    struct shadows s;
    size_t fields = 0;

    (void)unused;
    for (size_t i = 0; i < nhi_rule_field_count; i++)
        fields += nhi_rule_fields[i].kind == NHI_FIELD_PATTERNS || nhi_rule_fields[i].kind == NHI_FIELD_NAMES;
    assert_true(shadows_read(&s, &r, 1));
    assert_int_equal(s.fields, fields);
    shadows_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_same),
        cmocka_unit_test(has_each_field_of_words),
    };

    return cmocka_run_group_tests_name("shadow", tests, NULL, NULL);
}
