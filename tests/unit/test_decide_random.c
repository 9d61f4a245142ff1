/* SPDX-License-Identifier: ISC */
/*
 * The decision compared with a second one, written from the table of reasons alone: random requests and facts, mostly
 * right and a little wrong, must give the same answer from both.
 * Invariant: 3.
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
#include "tests/lib/state.h"

#define PAIRS 200000
#define NOW INT64_C(1800000000)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the second decision ---- */

/* word is one of the space-separated words of list: by searching " word " in " list ". */
static bool in(const char *list, const char *word)
{
    char hay[NHI_LIST_MAX + 3], needle[NHI_LIST_MAX + 3];

    snprintf(hay, sizeof(hay), " %s ", list);
    snprintf(needle, sizeof(needle), " %s ", word);
    return word[0] != '\0' && strchr(word, ' ') == NULL && strstr(hay, needle) != NULL;
}

static bool all_in(const char *bound, const char *list)
{
    char copy[NHI_LIST_MAX + 1], *save = NULL, *w;
    int n = 0;

    snprintf(copy, sizeof(copy), "%s", list);
    for (w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save), n++)
        if (strcmp(bound, "*") != 0 && !in(bound, w))
            return false;
    return n > 0;
}

static bool issuer_says(const struct nhi_issuer *i, const struct nhi_ticket *t)
{
    bool agent = t->agent[0] != '\0' && (strcmp(i->agents, "*") == 0 || in(i->agents, t->agent));

    return agent && all_in(i->accounts, t->accounts) && all_in(i->services, t->services) && t->iat < t->exp &&
           t->exp <= t->iat + i->max_ttl;
}

static bool any_rule(const struct nhi_request *q, const struct nhi_facts *f, bool forbid)
{
    for (size_t i = 0; i < f->rule_count; i++)
        if (f->rules[i].forbid == forbid && in(f->rules[i].agents, q->ticket->agent) &&
            in(f->rules[i].accounts, q->subject) && in(f->rules[i].services, q->service))
            return true;
    return false;
}

/* The first line whose condition holds is the answer. */
static enum nhi_reason expected(const struct nhi_request *q, const struct nhi_facts *f)
{
    const struct nhi_ticket *t = q->ticket;
    const struct nhi_issuer *i = &f->issuer;

#define WHEN(condition, reason) \
    if (condition) \
    return NHI_DENY_##reason
    WHEN(f->lockdown, LOCKDOWN);
    if (t != NULL) {
        const bool whole = !f->strange && !f->rolled_back && !f->unread;
        const bool kept = q->now < t->exp + i->max_ttl + 30;
        const bool issuer = f->issuer_known && strcmp(t->kid, i->kid) == 0;

        WHEN(whole && !issuer, ISSUER_UNKNOWN);
        WHEN(issuer && i->state == NHI_ISSUER_RETIRED, ISSUER_RETIRED);
        WHEN(issuer && i->state == NHI_ISSUER_REVOKED, ISSUER_REVOKED);
        WHEN(issuer && (!issuer_says(i, t) || f->differs), ISSUER_BOUNDS);
        WHEN(f->epoch_at != 0 && f->former, EPOCH);
        WHEN(f->epoch_at != 0 && i->own && !f->recorded && whole && kept, EPOCH);
        WHEN(f->epoch_at != 0 && !i->own && f->epoch_at + 30 >= t->iat, EPOCH);
        WHEN(f->revoked, REVOKED);
        WHEN(whole && i->own && !f->recorded && kept, UNRECORDED);
        WHEN(!f->unread && t->exp <= q->now, EXPIRED);
        WHEN(whole && !f->agent_known, AGENT_UNKNOWN);
        WHEN(f->agent_known && f->agent_state == NHI_AGENT_SUSPENDED, AGENT_SUSPENDED);
        WHEN(f->agent_known && f->agent_state == NHI_AGENT_RETIRED, AGENT_RETIRED);
        WHEN(f->agent_known && f->overdue_denies && f->agent_review_by <= q->now, AGENT_OVERDUE);
        WHEN(f->agent_known && f->agent_revoked_until != 0 && f->agent_revoked_until >= t->iat, REVOKED);
        WHEN(f->agent_known && f->agent_revoked_until != 0 && !i->own && f->agent_revoked_until + 30 >= t->iat,
             REVOKED);
        WHEN(whole && !f->task_known && !i->opens_tasks, TASK_UNKNOWN);
        WHEN(f->task_known && strcmp(f->task_agent, t->agent) != 0, TASK_AGENT);
        WHEN(f->task_known && f->task_state == NHI_TASK_CLOSED, TASK_CLOSED);
        WHEN(f->task_known && f->task_deadline <= q->now, TASK_ENDED);
        WHEN(f->max_lifetime != 0 && t->exp > t->iat + f->max_lifetime, LIFETIME);
    }
    WHEN(f->unread, LEDGER);
    WHEN(f->strange, MACHINE);
    WHEN(f->rolled_back, ROLLED_BACK);
    WHEN(f->latest != 0 && q->now + 30 < f->latest, CLOCK);
    WHEN(q->subject[0] == '\0' || q->service[0] == '\0', SUBJECT);
    WHEN(q->subject_uid == 0 || q->subject_privileged, PRIVILEGED);
    WHEN(f->subject_agent != 0 && f->subject_agent != q->subject_uid, SUBJECT);
    WHEN(q->subject_blind, GROUPS);
    WHEN(t == NULL, NO_TICKET);
    WHEN(f->superseded, SUPERSEDED);
    WHEN(t->iat > q->now + 30, NOT_YET);
    WHEN(t->nbf != 0 && t->nbf > q->now + 30, NOT_YET);
    WHEN(strcmp(t->host, f->host) != 0, HOST);
    WHEN(!in(t->accounts, q->subject), ACCOUNT);
    WHEN((q->subject_in_range || f->subject_agent != 0) && strcmp(q->subject, t->agent) != 0, ACCOUNT);
    WHEN((q->subject_in_range || f->subject_agent != 0) && q->subject_uid != f->agent_uid, ACCOUNT);
    WHEN(!in(t->services, q->service), SERVICE);
    WHEN(f->tree[0] == 'p' && (q->tree == NULL || q->tree[0] != 'p' || q->tree[1] != f->tree[1]), TREE);
    WHEN(!t->has_cnf && q->source == NHI_FROM_KEY, KEY);
    WHEN(t->has_cnf && q->key == NULL, KEY);
    WHEN(t->has_cnf && q->key[0] != t->cnf[0], KEY);
    WHEN(any_rule(q, f, true), FORBIDDEN);
    WHEN(!any_rule(q, f, false), POLICY);
    WHEN(f->unsupervised, UNSUPERVISED);
    if (q->source != NHI_FROM_PROMPT || t->has_cnf || f->no_pin || f->pin_records)
        return NHI_PERMIT;
    WHEN(q->place == NULL, PIN);
    WHEN(f->pin[0] != '\0' && f->pin[0] != q->place[0], PIN);
    return NHI_PERMIT;
}

/* ---- random pairs ---- */

static unsigned up_to(unsigned n)
{
    return state_random() % n;
}

/* The first choice nearly always, so that most pairs get far and some are permitted. */
static unsigned mostly(unsigned n)
{
    return up_to(12) == 0 ? up_to(n) : 0;
}

static bool seldom(void)
{
    return mostly(2) == 1;
}

static void pick(char *out, size_t size, const char *const *from, unsigned n)
{
    snprintf(out, size, "%s", from[mostly(n)]);
}

static const char *const agents[] = { "ci-bot", "other-bot", "ci", "ci-bot x", "" };
static const char *const agent_bounds[] = { "*", "ci-bot", "other-bot ci-bot", "ci", "" };
static const char *const accounts[] = { "deploy ci-bot", "deploy", "ci-bot", "deploy root", "", "a b c" };
static const char *const account_bounds[] = { "*", "deploy ci-bot", "deploy", "*x", "" };
static const char *const services[] = { "sshd sudo", "sshd", "sudo", "", "sshd sudo cron" };
static const char *const service_bounds[] = { "*", "sudo sshd", "sshd", "" };
static const char *const subjects[] = { "deploy", "ci-bot", "root", "", "deploy ci-bot" };
static const char *const asked[] = { "sshd", "sudo", "cron", "ssh", "" };
static const char *const places[] = { "", "a", "b" };
static const char *const asked_places[] = { "a", "b", NULL };
static const char *const trees[] = { "", "p1", "p2" };
static const char *const asked_trees[] = { NULL, "p1", "p2", "p" };
static const char *const kids[] = { "k1", "k2", "" };
static const char *const hosts[] = { "h.example", "h", "h.example.org" };
static const uint8_t own_key[NHI_PK_LEN], other_key[NHI_PK_LEN] = { 1 };
static const uint8_t *const keys[] = { own_key, other_key, NULL };
static const int64_t steps[] = { 0, 1, -1, 29, -29, 30, -30, 31, -31, 599, 600, 3599, 3600, 3601, -3600, 99999 };

static int64_t near(int64_t t)
{
    return t + steps[mostly(COUNT(steps))];
}

#define PICK(out, from) pick(out, sizeof(out), from, COUNT(from))

static void random_ticket(struct nhi_ticket *t)
{
    memset(t, 0, sizeof(*t));
    PICK(t->kid, kids);
    PICK(t->agent, agents);
    PICK(t->host, hosts);
    PICK(t->accounts, accounts);
    PICK(t->services, services);
    t->iat = near(NOW - 600);
    t->exp = near(seldom() ? NOW - 3630 : NOW + 3000);
    t->nbf = seldom() ? near(NOW) : 0;
    t->has_cnf = seldom();
}

static void random_facts(struct nhi_facts *f, struct nhi_rule rules[4])
{
    memset(f, 0, sizeof(*f));
    PICK(f->host, hosts);
    f->latest = seldom() ? 0 : near(NOW);
    f->lockdown = seldom() && seldom();
    f->strange = seldom() && seldom();
    f->rolled_back = seldom() && seldom();
    f->unread = seldom() && seldom();
    f->unsupervised = seldom();
    f->max_lifetime = seldom() ? near(3599) : 0;
    f->epoch_at = seldom() ? near(NOW - 600) : 0;
    f->recorded = !seldom();
    f->former = f->recorded && seldom();
    f->issuer_known = !seldom();
    PICK(f->issuer.kid, kids);
    PICK(f->issuer.agents, agent_bounds);
    PICK(f->issuer.accounts, account_bounds);
    PICK(f->issuer.services, service_bounds);
    f->issuer.state = (enum nhi_issuer_state)(1 + mostly(4));
    f->issuer.own = up_to(2) == 0;
    f->issuer.opens_tasks = up_to(2) == 0;
    f->issuer.max_ttl = near(3600);
    f->agent_known = !seldom();
    f->agent_state = (enum nhi_agent_state)(1 + mostly(3));
    f->overdue_denies = seldom();
    f->agent_review_by = near(NOW);
    f->agent_uid = 65537 + mostly(2);
    f->agent_revoked_until = seldom() ? near(NOW - 600) : 0;
    f->task_known = up_to(3) != 0;
    f->task_state = (enum nhi_task_state)(1 + mostly(2));
    PICK(f->task_agent, agents);
    f->task_deadline = near(NOW + 3600);
    if (seldom())
        f->task_deadline = near(NOW);
    f->revoked = seldom();
    f->differs = seldom() && seldom();
    f->superseded = seldom();
    PICK(f->tree, trees);
    PICK(f->pin, places);
    f->no_pin = seldom();
    f->pin_records = seldom();
    f->rule_count = up_to(5);
    for (unsigned i = 0; i < 4; i++) {
        PICK(rules[i].agents, agents);
        PICK(rules[i].accounts, accounts);
        PICK(rules[i].services, services);
        rules[i].forbid = up_to(6) == 0;
    }
    f->rules = rules;
}

/* Reasons that no pair has: some do not come from this function, and others do not come from these facts. */
static bool is_elsewhere(enum nhi_reason r)
{
    return r == NHI_DENY_INTERNAL ||                             /* test_decide.c: a malformed request */
           r == NHI_DENY_STATE ||                                /* test_check.c */
           r == NHI_DENY_AMBIGUOUS || r == NHI_DENY_MALFORMED || /* before a ticket is known */
           r == NHI_DENY_SIGNATURE || r == NHI_DENY_SESSION ||   /* the same */
           r == NHI_DENY_LIMIT ||                                /* test_rule_random.c */
           r == NHI_DENY_USES || r == NHI_DENY_RECORD;           /* when a permit is recorded */
}

static void same_answer(void **state)
{
    unsigned long seen[NHI_REASON_COUNT] = { 0 };
    struct nhi_rule rules[4];
    struct nhi_request q;
    struct nhi_ticket t;
    struct nhi_facts f;

    (void)state;
    memset(rules, 0, sizeof(rules));
    for (unsigned n = 0; n < PAIRS; n++) {
        enum nhi_reason want, got;

        random_ticket(&t);
        random_facts(&f, rules);
        q = (struct nhi_request){ .now = near(NOW),
                                  .service = asked[mostly(COUNT(asked))],
                                  .subject = subjects[mostly(COUNT(subjects))],
                                  .subject_uid = seldom() ? up_to(2) : 65537 + mostly(2),
                                  .subject_privileged = seldom() && seldom(),
                                  .subject_blind = seldom() && seldom(),
                                  .subject_in_range = up_to(4) == 0,
                                  .source = seldom() ? NHI_FROM_KEY : NHI_FROM_PROMPT,
                                  .ticket = seldom() && seldom() ? NULL : &t,
                                  .place = asked_places[mostly(COUNT(asked_places))],
                                  .remote = !seldom(),
                                  .tree = asked_trees[mostly(COUNT(asked_trees))],
                                  .key = keys[mostly(COUNT(keys))] };
        if (up_to(4) == 0)
            f.subject_agent = seldom() ? 65537 + up_to(3) : q.subject_uid;
        want = expected(&q, &f);
        got = nhi_decide(&q, &f).reason;
        if (got != want)
            print_error("pair %u: %s, not %s\n", n, nhi_reason_name(got), nhi_reason_name(want));
        assert_int_equal(got, want);
        assert_int_equal(nhi_decide(&q, &f).reason, got);
        seen[got]++;
    }
    /* This must not only compare denials. */
    assert_true(seen[NHI_PERMIT] > PAIRS / 100);
    for (unsigned r = 0; r < NHI_REASON_COUNT; r++) {
        if (is_elsewhere((enum nhi_reason)r) ? seen[r] != 0 : seen[r] <= 50)
            print_error("%s: %lu times\n", nhi_reason_name((enum nhi_reason)r), seen[r]);
        assert_true(is_elsewhere((enum nhi_reason)r) ? seen[r] == 0 : seen[r] > 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(same_answer) };

    return cmocka_run_group_tests_name("decide_random", tests, NULL, NULL);
}
