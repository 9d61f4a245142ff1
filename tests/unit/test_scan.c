/* SPDX-License-Identifier: ISC */
/*
 * The scanner: a ticket and a key are found wherever they are in a stream, in every disguise that is promised, at the
 * right position, and once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/key/paserk.h"
#include "libnhi/key/paserk_pw.h"
#include "libnhi/key/sshkey.h"
#include "libnhi/ticket/scan.h"
#include "libnhi/ticket/sshcert.h"

#define STREAM_MAX 400000

/* Made by ssh-keygen; opens nothing. */
#define PRIVATE_HEAD "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define PRIVATE_1 "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW"
#define PRIVATE_2 "QyNTUxOQAAACDyiw4cr78zTNbIeq+nIg47UQK0MR/b9nyuaLdesOt5QQAAAJAAAAAAAAAA"
#define PRIVATE_PUB "AAAAC3NzaC1lZDI1NTE5AAAAIPKLDhyvvzNM1sh6r6ciDjtRArQxH9v2fK5ot16w63lB"

struct found {
    int kind[8]; /* how many of each */
    uint64_t offset, line;
    char text[NHI_SCAN_TEXT_MAX + 1];
};

static uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
static struct nhi_ticket claims;
static char *ticket;

/* As nhictl scan does: what is genuine is accepted. */
static bool take(const struct nhi_scan_hit *h, void *ctx)
{
    struct found *f = ctx;
    uint8_t key[NHI_PK_LEN], secret[NHI_SK_LEN];
    struct nhi_sshcert cert;
    struct nhi_ticket t;
    bool genuine = false;

    assert_in_range(h->kind, NHI_SCAN_TICKET, NHI_SCAN_SSH_CERT);
    assert_int_equal(strlen(h->text), h->len);
    switch (h->kind) {
    case NHI_SCAN_TICKET:
        genuine = nhi_ticket_verify(h->text, h->len, pk, &t) == NHI_OK;
        break;
    case NHI_SCAN_SECRET:
        genuine = nhi_paserk_secret_decode(h->text, secret) == NHI_OK;
        break;
    case NHI_SCAN_SSH_PRIVATE:
        genuine = nhi_sshkey_of_private(h->text, h->len, key) == NHI_OK;
        break;
    case NHI_SCAN_SSH_CERT:
        genuine = nhi_sshcert_decode(h->text, h->len, &cert) == NHI_OK;
        break;
    case NHI_SCAN_PASETO:
    case NHI_SCAN_WRAPPED:
        f->kind[h->kind]++;
        return false;
    }
    if (!genuine)
        return false;
    f->kind[h->kind]++;
    f->offset = h->offset;
    f->line = h->line;
    memcpy(f->text, h->text, h->len + 1);
    return true;
}

/* piece: how many bytes at once; 0: all. */
static struct found scan(const void *bytes, size_t len, size_t piece)
{
    struct found f = { .offset = 0 };
    struct nhi_scan *s;
    size_t n;

    assert_int_equal(nhi_scan_new(take, &f, &s), NHI_OK);
    for (size_t at = 0; at < len; at += n) {
        n = piece == 0 || len - at < piece ? len - at : piece;
        nhi_scan_feed(s, (const char *)bytes + at, n);
    }
    nhi_scan_end(s);
    nhi_scan_free(s);
    return f;
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(nhi_key_generate(pk, sk), NHI_OK);
    claims = (struct nhi_ticket){ .iat = 1800000000, .exp = 1800000900 };
    snprintf(claims.kid, sizeof(claims.kid), "k7f3q2ma");
    snprintf(claims.jti, sizeof(claims.jti), "AAECAwQFBgcICQoLDA0ODw");
    snprintf(claims.agent, sizeof(claims.agent), "ci-bot");
    snprintf(claims.task, sizeof(claims.task), "build-4711");
    snprintf(claims.host, sizeof(claims.host), "build1.example.org");
    snprintf(claims.accounts, sizeof(claims.accounts), "deploy");
    snprintf(claims.services, sizeof(claims.services), "sshd sudo");
    assert_int_equal(nhi_ticket_mint(&claims, sk, &ticket), NHI_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    nhi_text_free(ticket);
    return 0;
}

/* ---- positions ---- */

static void expect_at(const char *stream, size_t len, size_t piece, uint64_t offset, uint64_t line)
{
    struct found f = scan(stream, len, piece);

    assert_int_equal(f.kind[NHI_SCAN_TICKET], 1);
    assert_int_equal(f.kind[NHI_SCAN_PASETO], 0);
    assert_string_equal(f.text, ticket);
    assert_int_equal(f.offset, offset);
    assert_int_equal(f.line, line);
}

static void test_any_place(void **state)
{
    /* Where a search ends for want of more, and where the window ends; and the same again. */
    static const size_t ends[] = { 114688, 131072, 229376, 245760 };
    static const size_t pieces[] = { 0, 1, 7, 4096, 65536, 131071 };
    char *stream = malloc(STREAM_MAX);
    size_t len = strlen(ticket), e, i, p;

    (void)state;
    assert_non_null(stream);
    for (e = 0; e < sizeof(ends) / sizeof(ends[0]); e++)
        for (i = ends[e] - 700; i < ends[e] + 60; i += 19) {
            memset(stream, 'v', STREAM_MAX);
            stream[3] = stream[i - 1] = '\n';
            memcpy(stream + i, ticket, len);
            for (p = i % 2; p < sizeof(pieces) / sizeof(pieces[0]); p += 2)
                expect_at(stream, i + len + (i % 3) * 20000, pieces[p], i, 3);
        }
    free(stream);
}

static void test_alone_and_at_the_end(void **state)
{
    (void)state;
    expect_at(ticket, strlen(ticket), 0, 0, 1);
    expect_at(ticket, strlen(ticket), 1, 0, 1);
    assert_int_equal(scan("", 0, 0).kind[NHI_SCAN_TICKET], 0);
    assert_int_equal(scan("v", 1, 0).kind[NHI_SCAN_TICKET], 0);
}

static void test_glued_to_anything(void **state)
{
    char stream[2000];
    int n;

    (void)state;
    n = snprintf(stream, sizeof(stream), "xv4.public.v4.public.%s%s", ticket, "AAAA.and so on");
    expect_at(stream, (size_t)n, 0, 21, 1);
    n = snprintf(stream, sizeof(stream), "v4.public.%s", ticket);
    expect_at(stream, (size_t)n, 0, 10, 1);
    n = snprintf(stream, sizeof(stream), "https://host/?ticket=%s&x=v4.public.", ticket);
    expect_at(stream, (size_t)n, 0, 21, 1);
}

static void test_each_once(void **state)
{
    char stream[4000];
    struct found f;
    int n;

    (void)state;
    n = snprintf(stream, sizeof(stream), "%s\n%s%s %s", ticket, ticket, ticket, ticket);
    f = scan(stream, (size_t)n, 0);
    assert_int_equal(f.kind[NHI_SCAN_TICKET], 4);
    assert_int_equal(f.kind[NHI_SCAN_PASETO], 0);
}

/* ---- disguises ---- */

struct disguise {
    const char *name, *first, *between, *last; /* before the text, at each cut, after it */
    bool wide;                                 /* each byte is followed by a zero byte */
};

static const struct disguise disguises[] = {
    { "cut over lines", "", "\n", "\n", false },
    { "with CRLF", "Ticket: ", "\r\n", "\r\nBye\r\n", false },
    { "with old line ends", "", "\r", "\r", false },
    { "mail, quoted", "> ", "\r\n> ", "\r\n> nice\r\n", false },
    { "mail, quoted twice", ">> ", "\n>> ", "\n>> nice\n", false },
    { "format=flowed", "", " \r\n", "\r\n", false },
    { "quoted-printable", "a=3D", "=\r\n", "=3D\r\n", false },
    { "quoted-printable, quoted", "> ", "=\n> ", "\n", false },
    { "indented", "key: |\n    ", "\n    ", "\n", false },
    { "JSON", "{\"t\":\"", "\\n", "\"}", false },
    { "JSON with CRLF", "{\"t\":\"", "\\r\\n", "\\r\\n\"}", false },
    { "JSON in JSON", "{\"t\":\"{\\\"u\\\":\\\"", "\\\\n", "\\\"}\"}", false },
    { "JSON, by number", "{\"t\":\"", "\\u000a", "\"}", false },
    { "JSON, quoted", "{\"t\":\"> ", "\\n> ", "\\n> \"}", false },
    { "an array of lines", "[\"", "\",\n  \"", "\"]", false },
    { "shell", "T=", "\\\n", "\n", false },
    { "code", "x = (\"", "\"\n     \"", "\")", false },
    { "a comment", "# ", "\n# ", "\n# end\n", false },
    { "a block of comment", "/*\n * ", "\n * ", "\n */\n", false },
    { "a table", "| ", " \n| ", " |\n", false },
    { "a diff, added", "+", "\n+", "\n+end\n", false },
    { "a diff, removed", "-", "\n-", "\n-end\n", false },
    { "a diff, as it was", " ", "\n ", "\n end\n", false },
    { "a diff, indented", "+    ", "\n+    ", "\n", false },
    { "a mail of a diff", "> +", "\n> +", "\n", false },
    { "UTF-16", "x ", "\r\n", "\r\n", true },
    { "UTF-16, a diff", "+", "\n+", "\n", true },
};

#define DISGUISES (sizeof(disguises) / sizeof(disguises[0]))

static size_t put_on(const struct disguise *d, const char *text, size_t width, char *out)
{
    size_t n = 0, len = strlen(text);

    n += (size_t)sprintf(out + n, "%s", d->first);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && i % width == 0)
            n += (size_t)sprintf(out + n, "%s", d->between);
        out[n++] = text[i];
    }
    n += (size_t)sprintf(out + n, "%s", d->last);
    if (!d->wide)
        return n;
    for (size_t i = n; i-- > 0;) {
        out[2 * i] = out[i];
        out[2 * i + 1] = '\0';
    }
    return 2 * n;
}

static void test_disguises(void **state)
{
    static const size_t widths[] = { 3, 9, 10, 11, 20, 60, 64, 72, 76, 77, 78, 79, 80, 100, 350 };
    static char stream[STREAM_MAX];

    (void)state;
    for (size_t i = 0; i < DISGUISES; i++)
        for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
            size_t n = put_on(&disguises[i], ticket, widths[w], stream);
            struct found f = scan(stream, n, 0);

            if (f.kind[NHI_SCAN_TICKET] != 1 || strcmp(f.text, ticket) != 0)
                fail_msg("not found: %s, at %zu characters", disguises[i].name, widths[w]);
            assert_int_equal(f.kind[NHI_SCAN_PASETO], 0);
            assert_int_equal(f.offset, strlen(disguises[i].first) * (disguises[i].wide ? 2 : 1));
        }
}

static void test_backslashes_of_markdown(void **state)
{
    char stream[2000];
    size_t n = 0;

    (void)state;
    for (const char *t = ticket; *t != '\0'; t++) {
        if (*t == '_' || *t == '-' || *t == '.')
            stream[n++] = '\\';
        stream[n++] = *t;
    }
    expect_at(stream, n, 0, 0, 1);
}

/* ---- no candidates ---- */

static void test_not_genuine(void **state)
{
    char stream[2000];
    size_t len = strlen(ticket);
    struct found f;

    (void)state;
    for (size_t i = 10; i < len; i += 5) {
        memcpy(stream, ticket, len);
        stream[i] = stream[i] == 'A' ? 'B' : 'A';
        f = scan(stream, len, 0);
        assert_int_equal(f.kind[NHI_SCAN_TICKET], 0);
        assert_int_equal(f.kind[NHI_SCAN_PASETO], 1);
    }
    /* Cut off, or with an empty line inside. */
    for (size_t i = 0; i < len; i++)
        assert_int_equal(scan(ticket, i, 0).kind[NHI_SCAN_TICKET], 0);
    snprintf(stream, sizeof(stream), "%.100s\n\n%s", ticket, ticket + 100);
    assert_int_equal(scan(stream, len + 2, 0).kind[NHI_SCAN_TICKET], 0);
    snprintf(stream, sizeof(stream), "%.100s %s", ticket, ticket + 100);
    assert_int_equal(scan(stream, len + 1, 0).kind[NHI_SCAN_TICKET], 0);
}

static void test_others(void **state)
{
    char stream[2000];
    struct found f;
    int n;

    (void)state;
    n = snprintf(stream, sizeof(stream), "v4.public. v4.public.%.80s v4.local.%s v3.public.%s", ticket + 10,
                 ticket + 10, ticket + 10);
    f = scan(stream, (size_t)n, 0);
    assert_int_equal(f.kind[NHI_SCAN_TICKET] + f.kind[NHI_SCAN_PASETO], 0);
    /* Other PASETO tokens, with and without a footer, one of them too long to be a ticket. */
    n = snprintf(stream, sizeof(stream), "%.200s\n\n%.200s.eyJraWQiOiJub3Qgb3VycyJ9 %.300s%.300s%.300s%.300s", ticket,
                 ticket, ticket, ticket + 10, ticket + 10, ticket + 10);
    f = scan(stream, (size_t)n, 0);
    assert_int_equal(f.kind[NHI_SCAN_TICKET], 0);
    assert_int_equal(f.kind[NHI_SCAN_PASETO], 3);
}

/* ---- keys ---- */

static void test_secret_keys(void **state)
{
    char text[NHI_PASERK_MAX], stream[NHI_PASERK_MAX + 200];
    static char disguised[STREAM_MAX];
    struct found f;
    int n;

    (void)state;
    assert_int_equal(nhi_paserk_secret_encode(sk, text), NHI_OK);
    n = snprintf(stream, sizeof(stream), "secret=%sAAA", text);
    f = scan(stream, (size_t)n, 0);
    assert_int_equal(f.kind[NHI_SCAN_SECRET], 1);
    assert_string_equal(f.text, text);
    for (size_t i = 0; i < DISGUISES; i++) {
        f = scan(disguised, put_on(&disguises[i], text, 40, disguised), 0);
        if (f.kind[NHI_SCAN_SECRET] != 1)
            fail_msg("not found: %s", disguises[i].name);
    }
    /* Its halves do not match. */
    text[20] = text[20] == 'A' ? 'B' : 'A';
    assert_int_equal(scan(text, strlen(text), 0).kind[NHI_SCAN_SECRET], 0);
}

static void test_wrapped_keys(void **state)
{
    char text[NHI_PASERK_MAX];

    (void)state;
    assert_int_equal(nhi_paserk_secret_pw_encode(sk, nhi_piece("password", 8), 8192 * 8, 1, text), NHI_OK);
    assert_int_equal(scan(text, strlen(text), 0).kind[NHI_SCAN_WRAPPED], 1);
    assert_int_equal(scan(text, strlen(text) - 1, 0).kind[NHI_SCAN_WRAPPED], 0);
}

static void test_ssh_keys(void **state)
{
    static char disguised[STREAM_MAX];
    uint8_t key[NHI_PK_LEN], found[NHI_PK_LEN];

    (void)state;
    assert_int_equal(nhi_sshkey_decode(PRIVATE_PUB, strlen(PRIVATE_PUB), key), NHI_OK);
    for (size_t i = 0; i < DISGUISES; i++) {
        const struct disguise *d = &disguises[i];
        char head[300];
        struct found f;
        size_t n;

        snprintf(head, sizeof(head), "%s%.35s%s", d->first, PRIVATE_HEAD, d->between);
        n = put_on(&(struct disguise){ "", head, d->between, d->last, d->wide }, PRIVATE_1 PRIVATE_2, 70, disguised);
        f = scan(disguised, n, 0);
        if (f.kind[NHI_SCAN_SSH_PRIVATE] != 1)
            fail_msg("not found: %s", d->name);
        assert_int_equal(nhi_sshkey_of_private(f.text, strlen(f.text), found), NHI_OK);
        assert_memory_equal(found, key, sizeof(key));
    }
}

static void test_certificates(void **state)
{
    char base64[NHI_SCAN_TEXT_MAX + 1], stream[2 * NHI_SCAN_TEXT_MAX];
    struct nhi_ticket t = claims;
    struct found f;
    int n;

    (void)state;
    t.has_cnf = true;
    memcpy(t.cnf, pk, sizeof(t.cnf));
    assert_int_equal(nhi_sshcert_make(&t, ticket, base64), NHI_OK);
    n = snprintf(stream, sizeof(stream), "x\n%s %s nhi:ci-bot\n", NHI_SSHCERT_TYPE, base64);
    f = scan(stream, (size_t)n, 0);
    assert_int_equal(f.kind[NHI_SCAN_SSH_CERT], 1);
    assert_string_equal(f.text, base64);
    assert_int_equal(f.line, 2);
    n = snprintf(stream, sizeof(stream), "> %s\t%.70s=\n> %s nhi:ci-bot\n", NHI_SSHCERT_TYPE, base64, base64 + 70);
    assert_int_equal(scan(stream, (size_t)n, 0).kind[NHI_SCAN_SSH_CERT], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_place),         cmocka_unit_test(test_alone_and_at_the_end),
        cmocka_unit_test(test_glued_to_anything), cmocka_unit_test(test_each_once),
        cmocka_unit_test(test_disguises),         cmocka_unit_test(test_backslashes_of_markdown),
        cmocka_unit_test(test_not_genuine),       cmocka_unit_test(test_others),
        cmocka_unit_test(test_secret_keys),       cmocka_unit_test(test_wrapped_keys),
        cmocka_unit_test(test_ssh_keys),          cmocka_unit_test(test_certificates),
    };

    return cmocka_run_group_tests_name("scan", tests, set_up, tear_down);
}
