/* SPDX-License-Identifier: ISC */
/*
 * Rules compared with a second implementation, written from the manual alone: random policies and requests, each kind
 * of condition among them, must give the same answer from both, compiled into a ledger and found in it again, in any
 * order of the rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/policy/reason.h"
#include "libnhi/policy/rule_field.h"
#include "tests/lib/asked.h"
#include "tests/lib/state.h"

#define POLICIES 1500
#define REQUESTS 100 /* of each policy */
#define SEARCHED 10  /* for one of so many, only what the index finds is used */
#define RULES 6

/* ---- the second implementation ---- */

static bool each_word(const char *list, const char *sep, const char *word, bool glob)
{
    char copy[1024], *save = NULL, *w;

    snprintf(copy, sizeof(copy), "%s", list);
    for (w = strtok_r(copy, sep, &save); w != NULL; w = strtok_r(NULL, sep, &save))
        if (glob ? fnmatch(w, word, FNM_NOESCAPE) == 0 : strcmp(w, word) == 0)
            return true;
    return false;
}

/* Bits of an address as text, IPv4 after 96 others. */
static bool bits_of(const char *address, char out[129])
{
    unsigned char b[16] = { 0 };
    char plain[64];

    snprintf(plain, sizeof(plain), "%s", address);
    plain[strcspn(plain, "%")] = '\0';
    b[10] = b[11] = 0xff;
    if (inet_pton(AF_INET, plain, b + 12) != 1 && inet_pton(AF_INET6, plain, b) != 1)
        return false;
    for (int i = 0; i < 128; i++)
        out[i] = (b[i / 8] >> (7 - i % 8)) & 1 ? '1' : '0';
    out[128] = '\0';
    return true;
}

static bool source_fits(const struct nhi_rule *r, const struct nhi_request *q)
{
    char net[NHI_NET_TEXT_MAX + 1], a[129], b[129], *slash;

    if (!r->local && !r->unix_socket && r->net_count == 0)
        return true;
    if (q->from_unknown)
        return !r->forbid;
    if (q->from != NULL && strcmp(q->from, "unix") == 0)
        return r->unix_socket;
    if (q->from != NULL ? strcmp(q->from, "unknown") == 0 : !q->is_local)
        return r->forbid && r->net_count != 0;
    if (r->local && q->is_local && q->from == NULL)
        return true;
    for (uint32_t i = 0; q->from != NULL && i < r->net_count; i++) {
        size_t n = 128;

        nhi_net_format(&r->nets[i], net);
        slash = strchr(net, '/');
        if (slash != NULL) {
            *slash = '\0';
            n = (size_t)atoi(slash + 1) + (strchr(net, ':') == NULL ? 96 : 0);
        }
        assert_true(bits_of(net, a));
        if (bits_of(q->from, b) && strncmp(a, b, n) == 0)
            return true;
    }
    return false;
}

/* Minute by minute of local time: the day's own spans, and those of yesterday that continue. */
static bool time_fits(const struct nhi_rule *r, int64_t now)
{
    time_t there = (time_t)(now + r->offset);
    struct tm tm;
    bool today, yesterday;

    if (r->days == 0 && r->hours_count == 0)
        return true;
    if (!r->offset_known)
        return r->forbid;
    (void)gmtime_r(&there, &tm);
    today = r->days == 0 || (r->days >> tm.tm_wday & 1) == 1;
    yesterday = r->days == 0 || (r->days >> (tm.tm_wday == 0 ? 6 : tm.tm_wday - 1) & 1) == 1;
    if (r->hours_count == 0)
        return today;
    for (uint32_t i = 0; i < r->hours_count; i++) {
        int from = r->hours[i].from, to = r->hours[i].to, at = tm.tm_hour * 60 + tm.tm_min;

        if (to <= from)
            to += 1440;
        if ((today && at >= from && at < to) || (yesterday && at + 1440 >= from && at + 1440 < to))
            return true;
    }
    return false;
}

static bool fits(const struct nhi_rule *r, const struct nhi_request *q, const struct nhi_facts *f)
{
    const struct nhi_ticket *t = q->ticket;
    bool key = t->has_cnf, tree = f->tree[0] != '\0';

    if (r->agents[0] == '\0' && r->owners[0] == '\0')
        return false;
    return (r->agents[0] == '\0' || each_word(r->agents, " ", t->agent, true)) &&
           (r->owners[0] == '\0' || each_word(r->owners, "\n", f->agent_owner, false)) &&
           (r->tasks[0] == '\0' || each_word(r->tasks, " ", t->task, true)) &&
           (strcmp(r->accounts, "*") == 0 || each_word(r->accounts, " ", q->subject, false)) &&
           (strcmp(r->services, "*") == 0 || each_word(r->services, " ", q->service, false)) && source_fits(r, q) &&
           time_fits(r, q->now) &&
           (r->bound == 0 || (key && (r->bound & 1)) || (tree && (r->bound & 2)) ||
            (!key && !tree && (r->bound & 4))) &&
           (r->max_lifetime == 0 || t->exp <= t->iat + r->max_lifetime) &&
           (r->max_age == 0 || q->now <= t->iat + r->max_age) &&
           (r->max_uses == 0 || (t->uses >= 1 && t->uses <= r->max_uses));
}

static bool has_room(const struct nhi_rule *r, const struct nhi_request *q)
{
    bool opens = q->tree == NULL;
    uint64_t sessions = (uint64_t)r->sessions + (q->registered ? 0 : 1);
    uint64_t grants = (uint64_t)r->grants + 1;

    return (r->max_sessions == 0 || !opens || sessions <= r->max_sessions) &&
           (r->max_grants == 0 || q->granted || grants <= r->max_grants);
}

static enum nhi_reason expected(const struct nhi_request *q, const struct nhi_facts *f)
{
    bool permit = false, full = false;

    for (size_t i = 0; i < f->rule_count; i++)
        if (f->rules[i].forbid && fits(&f->rules[i], q, f))
            return NHI_DENY_FORBIDDEN;
    for (size_t i = 0; i < f->rule_count; i++)
        if (!f->rules[i].forbid && fits(&f->rules[i], q, f)) {
            permit = permit || has_room(&f->rules[i], q);
            full = true;
        }
    return permit ? NHI_PERMIT : full ? NHI_DENY_LIMIT : NHI_DENY_POLICY;
}

static uint32_t taken(const struct nhi_request *q, const struct nhi_facts *f)
{
    uint32_t options = q->ticket->ssh;

    for (size_t i = 0; i < f->rule_count; i++)
        if (!f->rules[i].forbid && fits(&f->rules[i], q, f))
            options |= f->rules[i].ssh;
    return options;
}

/* ---- random pairs ---- */

static unsigned up_to(unsigned n)
{
    return state_random() % n;
}

#define PICK(out, from) snprintf(out, sizeof(out), "%s", (from)[up_to(sizeof(from) / sizeof((from)[0]))])

static const char *const agents[] = { "*", "ci-*", "ci-bot", "other-bot ci-bot", "c?-b?t", "*bot", "", "other-bot" };
static const char *const owners[] = { "", "", "", "ops@example.org", "A Team\nops@example.org", "A Team" };
static const char *const tasks[] = { "", "", "CHG-*", "build-?", "*-1", "build-1 CHG-7", "*" };
static const char *const accounts[] = { "*", "deploy", "ci-bot deploy", "batch" };
static const char *const services[] = { "*", "sshd", "sshd sudo", "cron" };
static const char *const nets[] = { "10.0.0.0/8",    "10.1.2.3",  "0.0.0.0/0",   "::/0",
                                    "2001:db8::/32", "fe80::/10", "10.1.2.0/25", "2001:db8::7" };
static const char *const sources[] = { "10.1.2.3",        "10.1.2.200",  "10.1.2.65",   "11.0.0.1",
                                       "::ffff:10.1.2.3", "2001:db8::7", "2001:db9::7", "fe80::1%eth0",
                                       "a.example.org",   "unix",        "unknown" };

static void random_window(struct nhi_rule *r)
{
    if (up_to(3) == 0)
        r->days = (uint8_t)(up_to(127) + 1);
    r->hours_count = up_to(3) == 0 ? up_to(3) : 0;
    for (uint32_t i = 0; i < r->hours_count; i++) {
        r->hours[i].from = (uint16_t)up_to(1440);
        do
            r->hours[i].to = (uint16_t)up_to(1441);
        while (r->hours[i].to == r->hours[i].from);
    }
    r->offset_known = up_to(8) != 0;
    r->offset = ((int32_t)up_to(53) - 24) * 1800;
}

static void random_rule(struct nhi_rule *r, size_t n)
{
    memset(r, 0, sizeof(*r));
    snprintf(r->name, sizeof(r->name), "rule-%zu", n);
    r->forbid = up_to(4) == 0;
    PICK(r->agents, agents);
    PICK(r->owners, owners);
    PICK(r->tasks, tasks);
    PICK(r->accounts, accounts);
    PICK(r->services, services);
    if (up_to(3) == 0) {
        r->net_count = up_to(3);
        r->local = up_to(2) == 0;
        r->unix_socket = up_to(3) == 0;
        for (uint32_t i = 0; i < r->net_count; i++)
            assert_int_equal(nhi_net_parse(nets[up_to(sizeof(nets) / sizeof(nets[0]))], &r->nets[i]), NHI_OK);
    }
    if (r->agents[0] == '\0' && r->owners[0] == '\0')
        memcpy(r->agents, NHI_ANY, sizeof(NHI_ANY));
    random_window(r);
    snprintf(r->zone, sizeof(r->zone), "Zone/%zu", n);
    r->bound = up_to(3) == 0 ? up_to(8) : 0;
    r->max_lifetime = up_to(3) == 0 ? 599 + up_to(3) : 0;
    r->max_age = up_to(3) == 0 ? 99 + up_to(3) : 0;
    r->max_uses = up_to(4) == 0 ? 1 + up_to(3) : 0;
    if (!r->forbid && up_to(3) == 0)
        r->max_sessions = 1 + up_to(3);
    if (!r->forbid && up_to(3) == 0)
        r->max_grants = 1 + up_to(3);
    if (!r->forbid && up_to(3) == 0)
        r->ssh = 1 + up_to(15);
    r->sessions = up_to(5);
    r->grants = up_to(5);
}

struct pair {
    struct nhi_request q;
    struct nhi_facts f;
    struct nhi_ticket t;
    struct nhi_rule rules[RULES];
    size_t rule_count;
    uint8_t key[NHI_PK_LEN];
};

static void random_policy(struct pair *p)
{
    for (size_t i = 0; i < RULES; i++)
        random_rule(&p->rules[i], i);
    p->rule_count = up_to(RULES + 1);
}

static void random_request(struct pair *p)
{
    static const char *const who[] = { "ci-bot", "other-bot" };
    static const char *const task[] = { "build-1", "CHG-7", "build-22" };
    static const char *const subject[] = { "deploy", "batch" };
    static const char *const service[] = { "sshd", "sudo", "cron" };

    memset(&p->q, 0, sizeof(p->q));
    memset(&p->f, 0, sizeof(p->f));
    memset(&p->t, 0, sizeof(p->t));
    snprintf(p->t.kid, sizeof(p->t.kid), "k1");
    PICK(p->t.agent, who);
    PICK(p->t.task, task);
    snprintf(p->t.host, sizeof(p->t.host), "h");
    snprintf(p->t.accounts, sizeof(p->t.accounts), "deploy batch");
    snprintf(p->t.services, sizeof(p->t.services), "sshd sudo cron");
    p->q.now = STATE_NOW + up_to(14 * 86400);
    p->t.iat = p->q.now - 98 - up_to(5);
    p->t.exp = p->t.iat + 598 + up_to(5);
    p->t.uses = up_to(5);
    p->t.has_cnf = up_to(2) == 0;
    p->q.ticket = &p->t;
    p->q.key = p->key;
    p->q.source = NHI_FROM_SESSION;
    p->q.subject = subject[up_to(2)];
    p->q.subject_uid = 1002;
    p->q.service = service[up_to(3)];
    p->q.from_unknown = up_to(8) == 0;
    p->q.from = up_to(3) != 0 ? sources[up_to(sizeof(sources) / sizeof(sources[0]))] : NULL;
    p->q.is_local = p->q.from == NULL && up_to(4) != 0;
    p->q.granted = up_to(4) == 0;
    p->q.registered = up_to(4) == 0;
    if (up_to(3) == 0) {
        snprintf(p->f.tree, sizeof(p->f.tree), "p-1");
        p->q.tree = p->f.tree;
    } else if (up_to(3) == 0) {
        p->q.tree = "p-2";
    }
    snprintf(p->f.host, sizeof(p->f.host), "h");
    p->f.issuer_known = p->f.agent_known = true;
    snprintf(p->f.issuer.kid, sizeof(p->f.issuer.kid), "k1");
    snprintf(p->f.issuer.agents, sizeof(p->f.issuer.agents), "*");
    snprintf(p->f.issuer.accounts, sizeof(p->f.issuer.accounts), "*");
    snprintf(p->f.issuer.services, sizeof(p->f.issuer.services), "*");
    p->f.issuer.state = NHI_ISSUER_ACTIVE;
    p->f.issuer.opens_tasks = true;
    p->f.issuer.max_ttl = 86400;
    p->f.agent_state = NHI_AGENT_ACTIVE;
    snprintf(p->f.agent_owner, sizeof(p->f.agent_owner), "%s",
             up_to(2)   ? "ops@example.org"
             : up_to(4) ? "A Team"
                        : "A Te");
    p->f.rules = p->rules;
    p->f.rule_count = p->rule_count;
}

static void reverse(struct nhi_rule *rules, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct nhi_rule r = rules[i];

        rules[i] = rules[n - 1 - i];
        rules[n - 1 - i] = r;
    }
}

/* ---- through the ledger ---- */

static void compile(struct nhi_ledger *l, const struct pair *p)
{
    assert_int_equal(nhi_policy_replace(l, p->rules, p->rule_count, STATE_HASH, STATE_NOW), NHI_OK);
    for (size_t i = 0; i < p->rule_count; i++)
        assert_int_equal(
            nhi_policy_add_zone(l, p->rules[i].zone, 0, p->rules[i].offset_known ? &p->rules[i].offset : NULL), NHI_OK);
}

/* The ledger does not know what is counted when a decision is made. */
static void count_again(const struct pair *p, struct nhi_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < p->rule_count; k++)
            if (strcmp(rules[i].name, p->rules[k].name) == 0) {
                rules[i].sessions = p->rules[k].sessions;
                rules[i].grants = p->rules[k].grants;
            }
}

static void agree(const struct nhi_decision *d, const struct nhi_decision *again)
{
    assert_int_equal(again->reason, d->reason);
    assert_int_equal(again->ssh, d->ssh);
    assert_string_equal(again->rule != NULL ? again->rule->name : "", d->rule != NULL ? d->rule->name : "");
}

/* What could end a permit is among what was found: nothing does so before the moment that it names. */
static void stands(const struct pair *p, const struct nhi_facts *found)
{
    struct nhi_request later = p->q;
    int64_t until = nhi_permit_until(&p->q, found);

    assert_true(until > p->q.now);
    later.now = until - 1 - up_to((unsigned)(until - p->q.now));
    assert_int_equal(expected(&later, &p->f), NHI_PERMIT);
}

/* The same decision over what the index finds, for this request and for any. */
static void search(struct nhi_ledger *l, const struct pair *p, const struct nhi_decision *d)
{
    struct nhi_facts f = p->f;
    struct nhi_decision found;

    assert_int_equal(ask_rules(l, p->t.agent, &p->q, p->q.now, &f), NHI_OK);
    count_again(p, f.rules, f.rule_count);
    found = nhi_decide(&p->q, &f);
    agree(d, &found);
    if (d->reason == NHI_PERMIT)
        stands(p, &f);
    free(f.rules);
    f = p->f;
    assert_int_equal(nhi_sql_rules(l, p->t.agent, p->q.now, &f), NHI_OK);
    count_again(p, f.rules, f.rule_count);
    found = nhi_decide(&p->q, &f);
    agree(d, &found);
    free(f.rules);
}

static unsigned seen[NHI_REASON_COUNT], conditions[NHI_COND_COUNT], met_elsewhere[NHI_COND_COUNT];

/* The same ticket, used from another place at another time: conditions that it alone decides fail as before. */
static void use_elsewhere(const struct pair *p, const struct nhi_rule *r, enum nhi_condition failed)
{
    struct nhi_request use = p->q;
    enum nhi_condition then;

    use.now = STATE_NOW + up_to(14 * 86400);
    use.from = sources[up_to(sizeof(sources) / sizeof(sources[0]))];
    use.from_unknown = use.is_local = false;
    use.tree = NULL;
    then = nhi_rule_fails(r, &use, &p->f);
    if (failed != NHI_COND_MET && failed < NHI_COND_SOURCE)
        assert_int_equal(then, failed);
    else
        assert_true(then == NHI_COND_MET || then >= NHI_COND_SOURCE);
    if (then == NHI_COND_MET || then > failed)
        met_elsewhere[failed]++;
}

/* One pair, over the policy as written and the same as compiled. */
static struct nhi_decision decide_pair(const struct pair *p, struct nhi_rule *compiled)
{
    struct nhi_facts f = p->f;
    struct nhi_decision d, again;
    struct nhi_rule rule;

    f.rules = compiled;
    d = nhi_decide(&p->q, &f);
    if (d.reason != expected(&p->q, &p->f))
        print_error("%s, expected %s\n", nhi_reason_name(d.reason), nhi_reason_name(expected(&p->q, &p->f)));
    assert_int_equal(d.reason, expected(&p->q, &p->f));
    assert_int_equal(d.ssh, taken(&p->q, &p->f));
    assert_true((d.rule != NULL) == (d.reason != NHI_DENY_POLICY));
    for (size_t i = 0; i < p->rule_count; i++) {
        enum nhi_condition c = nhi_rule_fails(&p->rules[i], &p->q, &p->f);

        assert_int_equal(c == NHI_COND_MET, fits(&p->rules[i], &p->q, &p->f));
        conditions[c == NHI_COND_MET ? nhi_rule_is_full(&p->rules[i], &p->q) : c]++;
        use_elsewhere(p, &p->rules[i], c);
    }
    seen[d.reason]++;
    if (d.rule != NULL) {
        rule = *d.rule;
        d.rule = &rule;
    }
    reverse(compiled, p->rule_count);
    again = nhi_decide(&p->q, &f);
    agree(&d, &again);
    return again;
}

static void both_agree(void **state)
{
    struct nhi_ledger *l = state_begin();
    static struct pair p;

    (void)state;
    for (unsigned n = 0; n < POLICIES; n++) {
        struct nhi_rule *compiled = NULL;
        size_t count = 0;

        random_policy(&p);
        compile(l, &p);
        assert_int_equal(nhi_policy_load(l, 0, STATE_NOW, &compiled, &count), NHI_OK);
        assert_int_equal(count, p.rule_count);
        count_again(&p, compiled, count);
        for (unsigned m = 0; m < REQUESTS; m++) {
            struct nhi_decision d;

            random_request(&p);
            d = decide_pair(&p, compiled);
            if (m % SEARCHED == 0)
                search(l, &p, &d);
        }
        free(compiled);
    }
    state_end(l);
    /* Each outcome and each condition occurred often enough to mean something. */
    assert_true(seen[NHI_PERMIT] > 1000 && seen[NHI_DENY_POLICY] > 1000);
    assert_true(seen[NHI_DENY_FORBIDDEN] > 1000 && seen[NHI_DENY_LIMIT] > 1000);
    for (unsigned i = 0; i < NHI_COND_COUNT; i++)
        if (conditions[i] <= 500)
            fail_msg("%s failed only %u times", nhi_condition_name((enum nhi_condition)i), conditions[i]);
    for (unsigned i = NHI_COND_SOURCE; i < NHI_COND_SESSIONS; i++)
        if (met_elsewhere[i] <= 100)
            fail_msg("%s depended on the use only %u times", nhi_condition_name((enum nhi_condition)i),
                     met_elsewhere[i]);
}

/* ---- the edges of a window ---- */

static struct nhi_ticket edge_ticket = { .agent = "ci-bot", .task = "build-1", .iat = STATE_NOW };

static struct nhi_request edge(int64_t now)
{
    return (struct nhi_request){ .now = now, .service = "sshd", .subject = "deploy", .ticket = &edge_ticket };
}

static bool at(const struct nhi_rule *r, int64_t now)
{
    struct nhi_request q = edge(now);
    struct nhi_facts f = { .host = "h" };

    return nhi_rule_fails(r, &q, &f) == NHI_COND_MET;
}

/* A rule that only the clock keeps from matching is one of those that a permit must check again. */
static void only_the_clock(void **state)
{
    struct nhi_rule r = { .agents = "*",
                          .accounts = "*",
                          .services = "*",
                          .hours = { { 0, 1 } },
                          .hours_count = 1,
                          .zone = "UTC",
                          .offset_known = true };
    struct nhi_request q = edge(STATE_NOW);
    struct nhi_facts f = { .host = "h" };

    (void)state;
    assert_int_equal(nhi_rule_fails(&r, &q, &f), NHI_COND_HOURS);
    assert_true(nhi_rule_could(&r, &q, &f));
    r.hours_count = 0;
    r.max_age = 1;
    q = edge(STATE_NOW + 2);
    assert_int_equal(nhi_rule_fails(&r, &q, &f), NHI_COND_AGE);
    assert_true(nhi_rule_could(&r, &q, &f));
    r.max_uses = 1;
    assert_false(nhi_rule_could(&r, &q, &f));
}

/* No file can have one. A damaged line may, and it matches nothing. */
static void no_time_at_all(void **state)
{
    struct nhi_rule r = {
        .agents = "*", .accounts = "*", .services = "*", .hours_count = 1, .zone = "UTC", .offset_known = true
    };
    const struct nhi_facts f = { .host = "h" };

    (void)state;
    for (uint16_t at = 0; at < 1440; at++) {
        const struct nhi_request q = edge(STATE_NOW);

        r.hours[0] = (struct nhi_hours){ at, at };
        assert_int_equal(nhi_rule_fails(&r, &q, &f), NHI_COND_HOURS);
    }
}

static void edges(void **state)
{
    /* 2027-01-15 is a Friday; 1800000000 is 08:00:00 UTC on it. */
    struct nhi_rule r = { .agents = "*",
                          .accounts = "*",
                          .services = "*",
                          .days = 1 << 5,
                          .hours = { { 480, 1080 } },
                          .hours_count = 1,
                          .zone = "UTC",
                          .offset_known = true };
    int64_t from = STATE_NOW, to = STATE_NOW + 36000;

    (void)state;
    assert_false(at(&r, from - 1));
    assert_true(at(&r, from));
    assert_true(at(&r, to - 1));
    assert_false(at(&r, to));
    assert_false(at(&r, from + 86400));
    r.offset = 3600; /* an hour ahead: an hour earlier here */
    assert_false(at(&r, from - 3601));
    assert_true(at(&r, from - 3600));
    assert_false(at(&r, to - 3600));
    r.offset = 0;
    r.hours[0].from = 1320; /* Friday 22:00 to Saturday 06:00 */
    r.hours[0].to = 360;
    assert_false(at(&r, from));
    assert_false(at(&r, from + 50399));
    assert_true(at(&r, from + 50400));
    assert_true(at(&r, from + 50400 + 28799));
    assert_false(at(&r, from + 50400 + 28800));
    assert_false(at(&r, from - 7201)); /* Friday 05:59:59 is Thursday's */
    r.hours[0].from = 0;
    r.hours[0].to = 1440;
    assert_false(at(&r, from - 28801));
    assert_true(at(&r, from - 28800));
    assert_true(at(&r, from + 57599));
    assert_false(at(&r, from + 57600));
    r.days = 1 << 4; /* the first second there is began a Thursday */
    assert_true(at(&r, 0));
    assert_false(at(&r, -1));
    r.offset_known = false;
    assert_false(at(&r, from));
    r.forbid = true;
    assert_true(at(&r, from));
}

/* A use is not counted where another rule permits as well. */
static void which_rule(void **state)
{
    static const char *const names[] = { "a", "b" };
    static struct pair p;

    (void)state;
    for (unsigned capped = 0; capped < 2; capped++)
        for (unsigned first = 0; first < 2; first++) {
            unsigned i;
            struct nhi_decision d;

            random_request(&p);
            p.f.rule_count = 2;
            for (i = 0; i < 2; i++) {
                struct nhi_rule r = { .agents = "*", .accounts = "*", .services = "*" };

                memcpy(r.name, names[i], 2);
                r.max_grants = i == capped ? 10 : 0;
                p.rules[i == first ? 0 : 1] = r;
            }
            d = nhi_decide(&p.q, &p.f);
            assert_int_equal(d.reason, NHI_PERMIT);
            assert_string_equal(d.rule->name, names[1 - capped]);
        }
}

static void globs(void **state)
{
    static const struct {
        const char *pattern, *word;
        bool is;
    } cases[] = { { "", "", true },         { "*", "", true },        { "*", "a", true },
                  { "?", "", false },       { "?", "a", true },       { "a*", "a", true },
                  { "a*b", "aXb", true },   { "a*b", "aXbY", false }, { "*a*b*", "xaybz", true },
                  { "*aab", "aaab", true }, { "a**b", "ab", true },   { "a", "", false },
                  { "", "a", false },       { "[a]", "a", false },    { "*b?", "abab", false },
                  { "*b?", "ababc", true } };
    char pattern[65], word[65];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(nhi_glob(cases[i].pattern, cases[i].word), cases[i].is);
    /* Patterns that take other implementations years. */
    for (size_t i = 0; i < 64; i++) {
        pattern[i] = i % 2 == 0 ? '*' : 'a';
        word[i] = 'a';
    }
    pattern[62] = 'b';
    pattern[64] = word[64] = '\0';
    assert_false(nhi_glob(pattern, word));
}

/* ---- addresses ---- */

static void networks(void **state)
{
    static const struct {
        const char *net, *address;
        bool has;
    } cases[] = {
        /* IPv4 in IPv6 form is IPv4, on either side. */
        { "10.0.0.0/8", "::ffff:10.1.2.3", true },
        { "10.0.0.0/8", "::ffff:11.0.0.1", false },
        { "10.0.0.0/8", "::10.1.2.3", false },
        { "::ffff:10.0.0.0/104", "10.1.2.3", true },
        { "::ffff:10.0.0.0/104", "11.0.0.1", false },
        { "fe80::/10", "fe80::1%eth0", true },
        { "fe80::1", "fe80::1%eth0", true },
        { "fe80::1", "fe80::2%eth0", false },
        { "10.1.2.3", "10.1.2.3%eth0", true },
        /* Only the kind counts. */
        { "0.0.0.0/0", "255.255.255.255", true },
        { "0.0.0.0/0", "::ffff:1.2.3.4", true },
        { "0.0.0.0/0", "::1", false },
        { "0.0.0.0/0", "2001:db8::1", false },
        { "::/0", "2001:db8::1", true },
        { "::/0", "1.2.3.4", true },
        /* One bit to either side. */
        { "192.0.2.128/25", "192.0.2.128", true },
        { "192.0.2.128/25", "192.0.2.127", false },
        { "192.0.2.0/31", "192.0.2.1", true },
        { "192.0.2.0/31", "192.0.2.2", false },
        { "2001:db8:8000::/33", "2001:db8:8000::1", true },
        { "2001:db8:8000::/33", "2001:db8:7fff::1", false },
        /* What is not an address matches nothing. */
        { "::/0", "host.example.org", false },
        { "::/0", "", false },
        { "::/0", "10.1.2.3 ", false },
        { "::/0", "010.1.2.3", false },
    };
    static const char *const none[] = {
        "",          "10.1.2.3/8",          "10.0.0.1/0",  "::1/127",      "::1/0",    "10.0.0.0/33",  "::/129",
        "10.0.0.0/", "10.0.0.0/08",         "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0/8", "fe80::1%eth0", "fe80::%1/10",
        "host",      "10.0.0.0/4294967304", "10.0.0.0 /8"
    };
    struct nhi_net net;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(nhi_net_parse(cases[i].net, &net), NHI_OK);
        if (nhi_net_has(&net, cases[i].address) != cases[i].has)
            print_error("%s %s\n", cases[i].net, cases[i].address);
        assert_int_equal(nhi_net_has(&net, cases[i].address), cases[i].has);
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        if (nhi_net_parse(none[i], &net) != NHI_ERR_FORMAT)
            print_error("%s\n", none[i]);
        assert_int_equal(nhi_net_parse(none[i], &net), NHI_ERR_FORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(both_agree, state_ready),
        cmocka_unit_test(no_time_at_all),
        cmocka_unit_test(edges),
        cmocka_unit_test(only_the_clock),
        cmocka_unit_test(which_rule),
        cmocka_unit_test(globs),
        cmocka_unit_test(networks),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("rule_random", tests, NULL, NULL);
}
