/* SPDX-License-Identifier: ISC */
/*
 * The facts of a decision, gathered from a table instead of a host: each look-up reaches the decision, and a look-up
 * that fails denies.
 * Invariant: 1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/check/facts.h"
#include "libnhi/check/gather.h"

#define NOW INT64_C(1800000000)

/* What the look-ups find, and the error that each of them returns instead. */
static struct table {
    struct nhi_facts facts;
    struct nhi_rule rule;
    uint32_t namesake, sessions, grants;
    const char *pin;
    bool superseded, supervised;
    struct nhi_host_account local;
    enum nhi_err ticket_err, rules_err, namesake_err, account_err, pin_err, sessions_err, grants_err;
    int accounts; /* number of look-ups of an account */
} table;

static enum nhi_err ticket(const struct nhi_moment *m, void *ctx, const struct nhi_ticket *t, struct nhi_facts *f)
{
    (void)m;
    (void)t;
    assert_ptr_equal(ctx, &table);
    if (table.ticket_err == NHI_OK)
        *f = table.facts;
    return table.ticket_err;
}

static enum nhi_err rules(const struct nhi_moment *m, void *ctx, const struct nhi_request *r, struct nhi_facts *f)
{
    (void)m;
    (void)ctx;
    (void)r;
    if (table.rules_err != NHI_OK)
        return table.rules_err;
    f->rules = malloc(sizeof(*f->rules));
    assert_non_null(f->rules);
    *f->rules = table.rule;
    f->rule_count = 1;
    return NHI_OK;
}

static enum nhi_err namesake(const struct nhi_moment *m, void *ctx, const char *account, uint32_t *uid)
{
    (void)m;
    (void)ctx;
    assert_string_equal(account, "deploy");
    *uid = table.namesake;
    return table.namesake_err;
}

static bool superseded(void *ctx, const char *jti)
{
    (void)ctx;
    (void)jti;
    return table.superseded;
}

static enum nhi_err account(void *ctx, const struct nhi_request *r, const struct nhi_facts *f,
                            struct nhi_host_account *out)
{
    (void)ctx;
    (void)r;
    (void)f;
    table.accounts++;
    *out = table.local;
    return table.account_err;
}

static enum nhi_err pin(void *ctx, const char *kid, const char *jti, enum nhi_pin kind, char place[NHI_PLACE_MAX + 1])
{
    (void)ctx;
    (void)kid;
    (void)jti;
    assert_int_equal(kind, NHI_PIN_REMOTE);
    snprintf(place, NHI_PLACE_MAX + 1, "%s", table.pin);
    return table.pin_err;
}

static enum nhi_err sessions(void *ctx, const char *rule, uint32_t most, uint32_t *n)
{
    (void)ctx;
    assert_int_equal(most, 2);
    assert_string_equal(rule, "permit");
    *n = table.sessions;
    return table.sessions_err;
}

static enum nhi_err grants(void *ctx, const char *rule, int64_t now, uint32_t *n)
{
    (void)ctx;
    (void)rule;
    assert_int_equal(now, NOW);
    *n = table.grants;
    return table.grants_err;
}

static bool supervised(void *ctx)
{
    (void)ctx;
    return table.supervised;
}

static const struct nhi_lookups of_table = { .ticket = ticket,
                                             .rules = rules,
                                             .namesake = namesake,
                                             .superseded = superseded,
                                             .account = account,
                                             .pin = pin,
                                             .sessions = sessions,
                                             .grants = grants,
                                             .supervised = supervised };

static struct nhi_reserve reserve;
static struct nhi_moment moment;
static struct nhi_ticket shown;

/* Everything is in order. */
static int permitted(void **state)
{
    (void)state;
    shown = (struct nhi_ticket){ .kid = "k1",
                                 .jti = "AAECAwQFBgcICQoLDA0ODw",
                                 .agent = "ci-bot",
                                 .task = "build-1",
                                 .host = "host.example.org",
                                 .accounts = "deploy",
                                 .services = "sshd",
                                 .iat = NOW - 600,
                                 .exp = NOW + 3000 };
    table = (struct table){
        .facts = { .host = "host.example.org",
                   .latest = NOW,
                   .issuer_known = true,
                   .issuer = { .kid = "k1",
                               .state = NHI_ISSUER_ACTIVE,
                               .own = true,
                               .agents = "*",
                               .accounts = "*",
                               .services = "*",
                               .max_ttl = 3600 },
                   .agent_known = true,
                   .agent_state = NHI_AGENT_ACTIVE,
                   .agent_uid = 65537,
                   .recorded = true,
                   .root = "AAECAwQFBgcICQoLDA0ODw",
                   .root_kid = "k1",
                   .task_known = true,
                   .task_state = NHI_TASK_OPEN,
                   .task_agent = "ci-bot",
                   .task_deadline = NOW + 7200,
                   .unsupervised = true },
        .rule = { .name = "permit",
                  .agents = "*",
                  .accounts = "*",
                  .services = "*",
                  .max_sessions = 2,
                  .max_grants = 2 },
        .local = { .name = "deploy", .uid = 1002 },
        .pin = "",
        .supervised = true,
    };
    reserve = (struct nhi_reserve){ .count = 0 };
    moment = (struct nhi_moment){ .now = NOW, .reserve = &reserve, .fit = NHI_FIT_HERE, .unreadable = NHI_DENY_LEDGER };
    return 0;
}

static enum nhi_reason decided(char *message)
{
    struct nhi_gathering g = { .m = &moment, .how = &of_table, .ctx = &table };
    struct nhi_request r = { .now = NOW,
                             .service = "sshd",
                             .subject = "deploy",
                             .subject_uid = 1002,
                             .ticket = &shown,
                             .source = NHI_FROM_PROMPT,
                             .place = "192.0.2.1",
                             .from = "192.0.2.1",
                             .remote = true };
    struct nhi_facts f;
    bool pinned = false;
    enum nhi_reason reason = nhi_gather_ticket(&g, &shown, &f);

    if (reason == NHI_PERMIT)
        reason = nhi_gather_use(&g, &r, &f, &pinned);
    if (reason == NHI_PERMIT) {
        assert_true(pinned);
        reason = nhi_decide(&r, &f).reason;
    }
    nhi_facts_free(&f);
    memcpy(message, g.message, sizeof(g.message));
    return reason;
}

static void found(void **state)
{
    char message[NHI_MESSAGE_MAX];

    (void)state;
    assert_int_equal(decided(message), NHI_PERMIT);
    assert_string_equal(message, "");
    assert_int_equal(table.accounts, 1);
#define IS(reason, change) \
    do { \
        (void)permitted(NULL); \
        change; \
        assert_int_equal(decided(message), NHI_##reason); \
    } while (0)
    IS(DENY_POLICY, memcpy(table.rule.agents, "other-bot", sizeof("other-bot")));
    IS(DENY_SUBJECT, (table.namesake = 65538, table.local.uid = 1002));
    IS(DENY_PRIVILEGED, table.local.privileged = true);
    IS(DENY_PRIVILEGED, table.local.uid = 0);
    IS(DENY_GROUPS, memcpy(table.local.blind, "sss", 4));
    assert_string_equal(message, "groups of deploy: sss");
    IS(PERMIT, (memcpy(table.local.blind, "sss", 4), table.local.goes_on = true));
    IS(PERMIT, table.pin = "192.0.2.1");
    IS(DENY_PIN, table.pin = "192.0.2.2");
    IS(PERMIT, (table.sessions = 1, table.grants = 1));
    IS(DENY_LIMIT, table.sessions = 2);
    IS(DENY_LIMIT, table.grants = 2);
    IS(DENY_UNSUPERVISED, table.supervised = false);
    IS(PERMIT, (table.supervised = false, table.facts.unsupervised = false));
    IS(PERMIT, table.superseded = true); /* no ticket renewed it */
    IS(PERMIT, memcpy(table.facts.successor, "AAECAwQFBgcICQoLDA0ODg", 23));
    IS(DENY_SUPERSEDED, (memcpy(table.facts.successor, "AAECAwQFBgcICQoLDA0ODg", 23), table.superseded = true));
    IS(DENY_LOCKDOWN, reserve.lockdown = true);
    IS(DENY_ROLLED_BACK, moment.fit = NHI_FIT_BEHIND);
    assert_string_not_equal(message, "");
    for (enum nhi_fit fit = NHI_FIT_HERE + 1; fit < NHI_FIT_BEHIND; fit++)
        IS(DENY_MACHINE, moment.fit = fit);
}

static void failed(void **state)
{
    char message[NHI_MESSAGE_MAX];

    (void)state;
    IS(DENY_LEDGER, table.ticket_err = NHI_ERR_CORRUPT);
    assert_string_not_equal(message, "");
    IS(DENY_LEDGER, table.rules_err = NHI_ERR_SYS);
    assert_string_not_equal(message, "");
    assert_int_equal(table.accounts, 0);
    IS(DENY_LEDGER, table.namesake_err = NHI_ERR_BUSY);
    IS(DENY_SUBJECT, table.account_err = NHI_ERR_NOT_FOUND);
    assert_string_equal(message, "");
    IS(DENY_GROUPS, table.account_err = NHI_ERR_BUSY);
    assert_string_equal(message, "account deploy: a source of accounts did not answer");
    IS(DENY_GROUPS, table.account_err = NHI_ERR_SYS);
    IS(DENY_INTERNAL, table.account_err = NHI_ERR_NOMEM);
    IS(DENY_PIN, table.pin_err = NHI_ERR_SYS);
    IS(PERMIT, table.pin_err = NHI_ERR_NOT_FOUND);
    IS(DENY_LIMIT, table.sessions_err = NHI_ERR_SYS);
    IS(DENY_LIMIT, table.grants_err = NHI_ERR_SYS);
}

/* The account is looked up once, whichever tickets could open it. */
static void account_once(void **state)
{
    struct nhi_gathering g = { .m = &moment, .how = &of_table, .ctx = &table };
    struct nhi_request r = { .subject = "deploy", .ticket = &shown };
    bool pinned;

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct nhi_facts f;

        assert_int_equal(nhi_gather_ticket(&g, &shown, &f), NHI_PERMIT);
        r.subject_uid = 0;
        (void)nhi_gather_use(&g, &r, &f, &pinned);
        assert_int_equal(r.subject_uid, 1002);
        nhi_facts_free(&f);
    }
    assert_int_equal(table.accounts, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(found, permitted),
        cmocka_unit_test_setup(failed, permitted),
        cmocka_unit_test_setup(account_once, permitted),
    };

    return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
