/* SPDX-License-Identifier: ISC */
/*
 * The chain: a small trail in which every bit of every line is flipped, every line swapped, dropped, repeated and
 * inserted, and heads compared with what root can rewrite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/key/paserk.h"
#include "libnhi/ledger/chain.h"

#define LINES 6
#define LINE_MAX_LEN 1024
static const struct nhi_chain at_start = { 0, NHI_NO_EVENT };

static char trail[LINES][LINE_MAX_LEN];

static void put(char line[LINE_MAX_LEN], struct nhi_event *e)
{
    char *made;

    assert_int_equal(nhi_event_hash(e, e->hash), NHI_OK);
    made = nhi_event_line(e);
    assert_non_null(made);
    assert_true(strlen(made) < LINE_MAX_LEN);
    (void)strcpy(line, made);
    free(made);
}

/* cause: the difference between two trails. */
static void make_trail(const char *cause)
{
    struct nhi_event e = { .kind = "grant", .agent = "ci-bot", .detail = "{\"uid\":0}", .prev = NHI_NO_EVENT };

    for (int i = 0; i < LINES; i++) {
        e.seq = i + 1;
        e.at = 1800000000 + i;
        snprintf(e.cause, sizeof(e.cause), "%s", i == 2 ? cause : "");
        put(trail[i], &e);
        memcpy(e.prev, e.hash, sizeof(e.prev));
    }
}

static int set_up(void **state)
{
    (void)state;
    make_trail("because");
    return 0;
}

/* Walks lines in this order. Returns the first that is not good, and its number. */
static enum nhi_link walk(char (*const lines)[LINE_MAX_LEN], const int *order, int n, int64_t *at)
{
    struct nhi_chain c = at_start;
    enum nhi_link link = NHI_LINK_GOOD;

    for (int i = 0; i < n && link == NHI_LINK_GOOD; i++)
        link = nhi_chain_add(&c, lines[order[i]], strlen(lines[order[i]]), at);
    return link;
}

static const int in_order[LINES] = { 0, 1, 2, 3, 4, 5 };

static void sound(void **state)
{
    struct nhi_chain c = at_start, before;
    int64_t at;
    int i;

    (void)state;
    assert_int_equal(walk(trail, in_order, LINES, &at), NHI_LINK_GOOD);
    assert_true(nhi_chain_peek(trail[3], strlen(trail[3]), &before));
    assert_int_equal(before.seq, 3);
    /* An archive of the first three, and the rest. */
    for (i = 0; i < 3; i++)
        assert_int_equal(nhi_chain_add(&c, trail[i], strlen(trail[i]), &at), NHI_LINK_GOOD);
    assert_string_equal(before.hash, c.hash);
    for (; i < LINES; i++)
        assert_int_equal(nhi_chain_add(&before, trail[i], strlen(trail[i]), &at), NHI_LINK_GOOD);
}

static void every_bit(void **state)
{
    enum nhi_link link;
    size_t len;
    int64_t at;
    int i;

    (void)state;
    for (i = 0; i < LINES; i++) {
        len = strlen(trail[i]);
        for (size_t k = 0; k < len; k++)
            for (int bit = 0; bit < 8; bit++) {
                trail[i][k] ^= (char)(1 << bit);
                link = walk(trail, in_order, LINES, &at);
                if (link == NHI_LINK_GOOD)
                    fail_msg("line %d, byte %zu, bit %d", i, k, bit);
                /* A flip in its number may be reported with another number. */
                if (k >= strlen("{\"seq\":N"))
                    assert_int_equal(at, i + 1);
                trail[i][k] ^= (char)(1 << bit);
            }
        /* And every wrong length. */
        for (size_t k = 0; k < len; k++) {
            char was = trail[i][k];

            trail[i][k] = '\0';
            assert_int_not_equal(walk(trail, in_order, LINES, &at), NHI_LINK_GOOD);
            trail[i][k] = was;
        }
    }
}

static void swapped(void **state)
{
    int order[LINES], i, k, swap;
    int64_t at;

    (void)state;
    for (i = 0; i < LINES; i++)
        for (k = i + 1; k < LINES; k++) {
            memcpy(order, in_order, sizeof(order));
            swap = order[i];
            order[i] = order[k];
            order[k] = swap;
            assert_int_equal(walk(trail, order, LINES, &at), NHI_LINK_MISSING);
            assert_int_equal(at, k + 1);
        }
}

static void dropped_and_repeated(void **state)
{
    int order[LINES + 1], i, k;
    int64_t at;

    (void)state;
    for (i = 0; i < LINES - 1; i++) { /* heads exist for the last one */
        for (k = 0; k < LINES - 1; k++)
            order[k] = k < i ? k : k + 1;
        assert_int_equal(walk(trail, order, LINES - 1, &at), NHI_LINK_MISSING);
        assert_int_equal(at, i + 2);
    }
    for (i = 0; i < LINES; i++) {
        for (k = 0; k < LINES + 1; k++)
            order[k] = k <= i ? k : k - 1;
        assert_int_equal(walk(trail, order, LINES + 1, &at), NHI_LINK_REPEATED);
        assert_int_equal(at, i + 1);
    }
}

/* An event that was made correctly, with a right hash, in the place of another, or between two. */
static void put_in(void **state)
{
    char was[LINE_MAX_LEN], prev[NHI_DIGEST_LEN + 1] = NHI_NO_EVENT;
    struct nhi_event e = { .kind = "grant", .agent = "forged" };
    struct nhi_chain c;
    int64_t at;

    (void)state;
    for (int i = 0; i < LINES; i++) {
        memcpy(was, trail[i], sizeof(was));
        e.seq = i + 1;
        memcpy(e.prev, prev, sizeof(e.prev));
        put(trail[i], &e);
        /* Without a head, the newest one cannot be checked. */
        assert_int_equal(walk(trail, in_order, LINES, &at), i == LINES - 1 ? NHI_LINK_GOOD : NHI_LINK_BROKEN);
        if (i < LINES - 1)
            assert_int_equal(at, i + 2);
        memset(e.prev, '1', NHI_DIGEST_LEN);
        put(trail[i], &e);
        assert_int_equal(walk(trail, in_order, LINES, &at), NHI_LINK_BROKEN);
        assert_int_equal(at, i + 1);
        memcpy(trail[i], was, sizeof(was));
        if (i + 1 < LINES) {
            assert_true(nhi_chain_peek(trail[i + 1], strlen(trail[i + 1]), &c));
            memcpy(prev, c.hash, sizeof(prev));
        }
    }
}

/* ---- heads ---- */

static uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];

static char *sign(int64_t seq)
{
    struct nhi_signed_head h = { .host = "host.example.org", .seq = seq, .at = 1800000000 };
    char *token = NULL;

    memset(h.hash, 'a', NHI_DIGEST_LEN);
    assert_int_equal(nhi_head_sign(sk, &h, &token), NHI_OK);
    return token;
}

static void head(void **state)
{
    uint8_t other_pk[NHI_PK_LEN], other_sk[NHI_SK_LEN];
    struct nhi_bytes footer = { .data = NULL };
    struct nhi_signed_head h;
    char *token, pid[NHI_PASERK_MAX];
    size_t len;

    (void)state;
    assert_int_equal(nhi_key_generate(pk, sk), NHI_OK);
    assert_int_equal(nhi_key_generate(other_pk, other_sk), NHI_OK);
    token = sign(4711);
    len = strlen(token);
    assert_int_equal(nhi_head_verify(pk, token, len, &h), NHI_OK);
    assert_string_equal(h.host, "host.example.org");
    assert_int_equal(h.seq, 4711);
    assert_int_equal(h.at, 1800000000);
    assert_int_equal(strspn(h.hash, "a"), NHI_DIGEST_LEN);
    assert_int_equal(nhi_head_verify(other_pk, token, len, &h), NHI_ERR_SIGNATURE);
    for (size_t k = 0; k < len; k++) {
        token[k] ^= 1;
        assert_int_not_equal(nhi_head_verify(pk, token, len, &h), NHI_OK);
        token[k] ^= 1;
        assert_int_not_equal(nhi_head_verify(pk, token, k, &h), NHI_OK);
    }
    assert_int_equal(nhi_paseto_footer(token, len, &footer), NHI_OK);
    assert_int_equal(nhi_paserk_pid(pk, pid), NHI_OK);
    assert_non_null(strstr((const char *)footer.data, pid));
    nhi_bytes_free(&footer);
    nhi_text_free(token);
}

/* A ticket, or anything else that the key may have signed, is not a head. */
static void not_a_head(void **state)
{
    static const char *const payloads[] = {
        "{}",
        "{\"host\":\"h\",\"seq\":1,\"hash\":\"aa\",\"at\":\"2027-01-15T08:00:00Z\"}",
        "{\"host\":\"h\",\"seq\":1,\"hash\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
        "\"at\":\"2027-01-15T08:00:00Z\",\"x\":1}",
        "{\"host\":\"h\",\"seq\":-1,\"hash\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
        "\"at\":\"2027-01-15T08:00:00Z\"}",
        "{\"host\":\"h\",\"seq\":1,\"hash\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
        "\"at\":\"2027-13-15T08:00:00Z\"}",
    };
    struct nhi_signed_head h;
    char *token = NULL;

    (void)state;
    assert_int_equal(nhi_key_generate(pk, sk), NHI_OK);
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        assert_int_equal(nhi_paseto_sign(sk, nhi_piece(payloads[i], strlen(payloads[i])), nhi_piece("", 0),
                                         nhi_piece("nhi-head-v1", 11), &token),
                         NHI_OK);
        assert_int_equal(nhi_head_verify(pk, token, strlen(token), &h), NHI_ERR_FORMAT);
        nhi_text_free(token);
    }
    token = sign(1);
    nhi_text_free(token);
    assert_int_equal(
        nhi_paseto_sign(sk, nhi_piece(payloads[0], 2), nhi_piece("", 0), nhi_piece("nhi-ticket-v1", 13), &token),
        NHI_OK);
    assert_int_equal(nhi_head_verify(pk, token, strlen(token), &h), NHI_ERR_SIGNATURE);
    nhi_text_free(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sound, set_up),
        cmocka_unit_test_setup(every_bit, set_up),
        cmocka_unit_test_setup(swapped, set_up),
        cmocka_unit_test_setup(dropped_and_repeated, set_up),
        cmocka_unit_test_setup(put_in, set_up),
        cmocka_unit_test(head),
        cmocka_unit_test(not_a_head),
    };

    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
