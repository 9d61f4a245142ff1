/* SPDX-License-Identifier: ISC */
/* The bytes of a record: one form for each record, and nothing else is read. */
/* Invariant: 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/grant/record_bytes.h"
#include "tests/lib/state.h"

#define HEAD 8
#define SUM 8
#define NUMBERS 64 /* bytes of eight numbers; then pids, uses, ssh, milliseconds, pin and flags */
#define AT_PID (HEAD + NUMBERS)
#define AT_MS (AT_PID + 16)
#define AT_PIN (AT_MS + 2)
#define AT_FLAGS (AT_PIN + 1)
#define AT_REASON (AT_FLAGS + 1) /* without a key */
#define MUTATIONS 20000

static struct nhi_grant plain(void)
{
    struct nhi_grant g = state_grant(1, 1);

    memset(g.boot, 'b', 36);
    g.self = (struct nhi_proc){ .pid = 0x01020304, .start = 7 };
    g.parent = (struct nhi_proc){ .pid = 1, .start = 8 };
    g.ns = 9;
    g.up = 10;
    g.ms = 999;
    return g;
}

/* Each member at its longest. */
static struct nhi_grant widest(void)
{
    struct nhi_grant g = plain();

    g.up = g.at = NHI_TIME_MAX;
    g.self = (struct nhi_proc){ .pid = INT32_MAX, .start = INT64_MAX };
    g.parent = (struct nhi_proc){ .pid = INT32_MAX, .start = INT64_MAX };
    g.ns = INT64_MAX;
    g.pin = NHI_PIN_LOCAL;
    g.handed_off = g.became = true;
    memset(g.service, 's', NHI_SERVICE_MAX);
    memset(g.subject, 'a', NHI_ACCOUNT_MAX);
    memset(g.rule, '#', NHI_TASK_MAX);
    memset(g.policy, '0', NHI_POLICY_LEN);
    memset(g.rhost, 'f', NHI_HOST_MAX);
    memset(g.place, 'f', NHI_PLACE_MAX);
    memset(g.owner, 'o', NHI_OWNER_MAX);
    state_jti(3, g.root);
    state_jti(4, g.renews);
    state_jti(5, g.within);
    memset(g.ticket.kid, 'k', NHI_KID_MAX);
    memset(g.ticket.agent, 'b', NHI_AGENT_MAX);
    memset(g.ticket.task, '/', NHI_TASK_MAX);
    for (size_t i = 0; i < NHI_HOST_MAX; i++)
        g.ticket.host[i] = i % 10 == 9 ? '.' : 'h';
    for (size_t i = 0; i < NHI_LIST_MAX; i++)
        g.ticket.accounts[i] = g.ticket.services[i] = i % 8 == 7 ? ' ' : (char)('a' + (i / 8 >> (i % 8)) % 2);
    g.ticket.exp = NHI_TIME_MAX;
    g.ticket.nbf = NHI_TIME_MAX - 1;
    g.ticket.uses = NHI_USES_MAX;
    g.ticket.has_cnf = true;
    memset(g.ticket.cnf, 0x66, sizeof(g.ticket.cnf));
    state_jti(2, g.ticket.parent);
    return g;
}

/* Every byte of the two, those between members aside, which are zeros. */
static void round_trip(const struct nhi_grant *g)
{
    uint8_t bytes[NHI_RECORD_MAX], again[NHI_RECORD_MAX];
    struct nhi_grant got;
    size_t len = 0, more = 0;

    memset(bytes, 0xaa, sizeof(bytes));
    assert_int_equal(nhi_record_encode(g, bytes, &len), NHI_OK);
    assert_int_equal(nhi_record_decode(bytes, len, &got), NHI_OK);
    assert_int_equal(nhi_record_encode(&got, again, &more), NHI_OK);
    assert_int_equal(len, more);
    assert_memory_equal(bytes, again, len);
    assert_string_equal(got.id, g->id);
    assert_string_equal(got.rhost, g->rhost);
    assert_string_equal(got.owner, g->owner);
    assert_string_equal(got.ticket.accounts, g->ticket.accounts);
    assert_string_equal(got.ticket.parent, g->ticket.parent);
    assert_memory_equal(got.ticket.cnf, g->ticket.cnf, sizeof(g->ticket.cnf));
    assert_true(got.reason == g->reason && got.source == g->source && got.pin == g->pin && got.ms == g->ms);
    assert_true(got.handed_off == g->handed_off && got.observed == g->observed && got.became == g->became);
    assert_true(got.at == g->at && got.up == g->up && got.ns == g->ns);
    assert_true(got.self.pid == g->self.pid && got.self.start == g->self.start);
    assert_true(got.parent.pid == g->parent.pid && got.parent.start == g->parent.start);
    assert_true(got.ticket.iat == g->ticket.iat && got.ticket.nbf == g->ticket.nbf && got.ticket.exp == g->ticket.exp);
    assert_true(got.ticket.uses == g->ticket.uses && got.ticket.has_cnf == g->ticket.has_cnf);
}

static void round_trips(void **state)
{
    struct nhi_grant g = widest();

    (void)state;
    round_trip(&g);
    g = plain();
    round_trip(&g);
    g.rule[0] = g.rhost[0] = '\0';
    g.ms = 0;
    for (unsigned r = 0; r < NHI_REASON_COUNT; r++)
        for (unsigned s = NHI_FROM_PROMPT; s <= NHI_FROM_KEY; s++) {
            g.reason = (enum nhi_reason)r;
            g.source = (enum nhi_source)s;
            round_trip(&g);
        }
    snprintf(g.owner, sizeof(g.owner), "J\xc3\xbcrgen <j@example.org>");
    round_trip(&g);
    g.observed = true;
    memset(&g.ticket, 0, sizeof(g.ticket));
    round_trip(&g);
}

/* The form itself, which a reader of another program may rely on. */
static void form(void **state)
{
    static const uint8_t begin[] = { 'n', 'h', 'i', 'r', 2, 0 };
    static const uint8_t middle[] = { 4, 3, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe7, 3, 0, 0, 6, 'p' };
    struct nhi_grant g = plain();
    uint8_t bytes[NHI_RECORD_MAX];
    uint64_t n;
    uint16_t length;
    size_t len = 0;

    (void)state;
    assert_int_equal(nhi_record_encode(&g, bytes, &len), NHI_OK);
    assert_memory_equal(bytes, begin, sizeof(begin));
    memcpy(&length, bytes + sizeof(begin), sizeof(length));
    assert_int_equal(le16toh(length), len);
    memcpy(&n, bytes + HEAD, sizeof(n));
    assert_true(le64toh(n) == STATE_NOW);
    assert_memory_equal(bytes + AT_PID, middle, sizeof(middle));
    assert_memory_equal(bytes + AT_REASON + 1, "permit\006prompt\026g", 15);
    memcpy(&n, bytes + len - SUM, sizeof(n));
    assert_true(le64toh(n) == nhi_record_sum(bytes, len - SUM));
    /* A published value of FNV-1a of 64 bits. */
    assert_true(nhi_record_sum("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

/* ---- what is refused ---- */

struct record {
    uint8_t bytes[NHI_RECORD_MAX + 1];
    size_t len;
};

static struct record record(void)
{
    struct nhi_grant g = plain();
    struct record r = { .len = 0 };

    assert_int_equal(nhi_record_encode(&g, r.bytes, &r.len), NHI_OK);
    return r;
}

/* As if it had been written like this. */
static void seal(struct record *r)
{
    uint16_t length = htole16((uint16_t)r->len);
    uint64_t sum;

    memcpy(r->bytes + HEAD - 2, &length, sizeof(length));
    sum = htole64(nhi_record_sum(r->bytes, r->len - SUM));
    memcpy(r->bytes + r->len - SUM, &sum, sizeof(sum));
}

static void refuses(const struct record *r, enum nhi_err want)
{
    struct nhi_grant got, before;

    memset(&before, 7, sizeof(before));
    memcpy(&got, &before, sizeof(got));
    assert_int_equal(nhi_record_decode(r->bytes, r->len, &got), want);
    assert_memory_equal(&got, &before, sizeof(got));
}

static void damage(void **state)
{
    struct record whole = record(), r;

    (void)state;
    for (size_t i = 0; i < whole.len; i++) {
        r = whole;
        r.len = i;
        refuses(&r, i > 5 && memcmp(r.bytes + 4, "\2", 2) != 0 ? NHI_ERR_VERSION : NHI_ERR_CORRUPT);
        if (i < HEAD + SUM)
            continue;
        seal(&r);
        refuses(&r, NHI_ERR_CORRUPT);
    }
    for (size_t i = 0; i < whole.len * 8; i++) {
        r = whole;
        r.bytes[i / 8] ^= (uint8_t)(1U << i % 8);
        refuses(&r, i / 8 == 4 || i / 8 == 5 ? NHI_ERR_VERSION : NHI_ERR_CORRUPT);
    }
    r = whole;
    r.bytes[r.len++] = 0;
    refuses(&r, NHI_ERR_CORRUPT);
    seal(&r);
    refuses(&r, NHI_ERR_CORRUPT);
    memset(&r, 0, sizeof(r));
    r.len = sizeof(r.bytes);
    refuses(&r, NHI_ERR_CORRUPT);
}

/* One byte of a whole record is another one. */
static void byte(size_t at, uint8_t value)
{
    struct record r = record();

    r.bytes[at] = value;
    seal(&r);
    refuses(&r, NHI_ERR_CORRUPT);
}

static void wrong_bytes(void **state)
{
    struct record r = record();

    (void)state;
    for (size_t n = 0; n < NUMBERS / 8; n++)
        byte(HEAD + n * 8 + 7, 0x80); /* negative */
    byte(AT_PID + 3, 0x80);
    byte(AT_PID + 7, 0xff);
    byte(AT_PID + 11, 1); /* uses */
    byte(AT_PID + 15, 1); /* ssh */
    byte(AT_PID + 12, 1); /* ssh without a key */
    byte(AT_MS, 0xe8);
    byte(AT_PIN, 3);
    byte(AT_FLAGS, 16);
    byte(AT_FLAGS, 8); /* a key that does not follow */
    byte(AT_REASON, 5);
    byte(AT_REASON, 255);
    byte(AT_REASON + 1, 'P');
    byte(AT_REASON + 8, 'P');
    byte(AT_REASON + 15, '/'); /* the record's ID */
    byte(AT_REASON + 15, 0);
    r.bytes[AT_PID] = r.bytes[AT_PID + 1] = r.bytes[AT_PID + 2] = r.bytes[AT_PID + 3] = 0;
    seal(&r);
    refuses(&r, NHI_ERR_CORRUPT);
}

/* Neither written nor read. */
static void never(struct nhi_grant g)
{
    uint8_t bytes[NHI_RECORD_MAX];
    size_t len = 77;

    assert_int_equal(nhi_record_encode(&g, bytes, &len), NHI_ERR_FORMAT);
    assert_int_equal(len, 77);
}

#define NEVER(change) \
    do { \
        struct nhi_grant g = plain(); \
\
        change; \
        never(g); \
    } while (0)

static void wrong_members(void **state)
{
    (void)state;
    NEVER(g.id[0] = '\0');
    NEVER(g.at = -1);
    NEVER(g.at = NHI_TIME_MAX + 1);
    NEVER(g.up = -1);
    NEVER(g.ms = 1000);
    NEVER(g.self.pid = 0);
    NEVER(g.parent.pid = -1);
    NEVER(g.self.start = UINT64_MAX);
    NEVER(g.parent.start = UINT64_MAX);
    NEVER(g.ns = UINT64_MAX);
    NEVER(g.reason = NHI_REASON_COUNT);
    NEVER(g.source = (enum nhi_source)0);
    NEVER(g.pin = (enum nhi_pin)3);
    NEVER(g.service[0] = '\xff');
    NEVER(g.owner[0] = '\xc3');
    NEVER(g.ticket.kid[0] = ' ');
    NEVER(g.ticket.kid[0] = '\0');
    NEVER(g.ticket.agent[0] = 'A');
    NEVER(g.ticket.exp = g.ticket.iat);
    NEVER(g.ticket.uses = NHI_USES_MAX + 1);
    NEVER(g.ticket.ssh = 1);
    /* Only a record without a decision may be without a ticket, and then it has nothing of one. */
    NEVER(memset(&g.ticket, 0, sizeof(g.ticket)));
    NEVER(g.observed = true; g.ticket.jti[0] = '\0');
    NEVER(g.became = true; memset(&g.ticket, 0, sizeof(g.ticket)); g.ticket.kid[0] = 'k');
    NEVER(g.became = true; memset(&g.ticket, 0, sizeof(g.ticket)); g.ticket.exp = 1);
    NEVER(g.became = true; memset(&g.ticket, 0, sizeof(g.ticket)); g.ticket.has_cnf = true);
}

/* Whatever was written like this: reading it ends, and what is read would be written like this again. */
static void mutations(void **state)
{
    struct nhi_grant g = widest(), got;
    struct record whole = { .len = 0 }, r;
    uint8_t again[NHI_RECORD_MAX];
    size_t read = 0, len = 0;

    (void)state;
    assert_int_equal(nhi_record_encode(&g, whole.bytes, &whole.len), NHI_OK);
    for (unsigned n = 0; n < MUTATIONS; n++) {
        r = whole;
        for (unsigned k = 1 + state_random() % 3; k > 0; k--) {
            size_t at = HEAD + state_random() % (r.len - HEAD - SUM);

            switch (state_random() % 3) {
            case 0:
                r.bytes[at] = (uint8_t)state_random();
                break;
            case 1:
                memmove(r.bytes + at, r.bytes + at + 1, --r.len - at);
                break;
            default:
                memmove(r.bytes + at + 1, r.bytes + at, r.len++ - at);
            }
        }
        seal(&r);
        if (nhi_record_decode(r.bytes, r.len, &got) != NHI_OK)
            continue;
        read++;
        assert_int_equal(nhi_record_encode(&got, again, &len), NHI_OK);
        assert_int_equal(len, r.len);
        assert_memory_equal(again, r.bytes, len);
    }
    assert_in_range(read, 100, MUTATIONS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips), cmocka_unit_test(form),          cmocka_unit_test(damage),
        cmocka_unit_test(wrong_bytes), cmocka_unit_test(wrong_members), cmocka_unit_test(mutations),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
