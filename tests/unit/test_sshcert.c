/* SPDX-License-Identifier: ISC */
/*
 * Certificates that carry a ticket: what is made is read again, and nothing that was cut, stretched or patched is. That
 * OpenSSH reads them, too, is an end-to-end test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/key/sshkey.h"
#include "libnhi/ticket/sshcert.h"
#include "libnhi/ticket/sshopt.h"
#include "tests/vectors/vectors.h"

/* What sodium returns: 0 for the first time in a process, then 1; -1 if it cannot, which is so after this many times
 * (negative: never). */
static int says = 1, good = -1;

__attribute__((visibility("default"))) int sodium_init(void)
{
    static int (*real)(void);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "sodium_init");
    return real() < 0 || good == 0 ? -1 : (good--, says);
}

#define TEXT "v4.public.dGhpcyBpcyBubyB0aWNrZXQ.eyJraWQiOiJrMSJ9"

static uint8_t blob[NHI_SSHCERT_MAX];
static size_t blob_len;

static struct nhi_ticket ticket(void)
{
    struct nhi_ticket t = { .agent = "ci-bot", .accounts = "ci-bot deploy", .has_cnf = true };
    uint8_t sk[crypto_sign_SECRETKEYBYTES];

    memset(t.jti, 'A', NHI_JTI_LEN);
    t.iat = 1800000000;
    t.exp = t.iat + 900;
    assert_int_equal(crypto_sign_keypair(t.cnf, sk), 0);
    return t;
}

static enum nhi_err decode(const uint8_t *bytes, size_t len, struct nhi_sshcert *out)
{
    char text[NHI_SSHCERT_MAX + 8];

    (void)sodium_bin2base64(text, sizeof(text), bytes, len, sodium_base64_VARIANT_ORIGINAL);
    return nhi_sshcert_decode(text, strlen(text), out);
}

static void make(const struct nhi_ticket *t, const char *text)
{
    char base64[NHI_SSHCERT_MAX + 1];

    assert_int_equal(nhi_sshcert_make(t, text, base64), NHI_OK);
    assert_int_equal(sodium_base642bin(blob, sizeof(blob), base64, strlen(base64), NULL, &blob_len, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
}

static void test_both_ways(void **state)
{
    struct nhi_ticket t = ticket();
    struct nhi_sshcert c, d;
    char longest[NHI_TICKET_TEXT_MAX + 2], base64[NHI_SSHCERT_MAX + 1];

    (void)state;
    make(&t, TEXT);
    assert_int_equal(decode(blob, blob_len, &c), NHI_OK);
    assert_memory_equal(c.pk, t.cnf, sizeof(c.pk));
    assert_string_equal(c.ticket, TEXT);
    /* A temporary signer: never the same. */
    make(&t, TEXT);
    assert_int_equal(decode(blob, blob_len, &d), NHI_OK);
    assert_memory_not_equal(c.signer, d.signer, sizeof(c.signer));
    memset(longest, 'x', sizeof(longest));
    longest[NHI_TICKET_TEXT_MAX] = '\0';
    memset(t.accounts, 'a', sizeof(t.accounts) - 1);
    make(&t, longest);
    assert_int_equal(decode(blob, blob_len, &c), NHI_OK);
    assert_string_equal(c.ticket, longest);
    longest[NHI_TICKET_TEXT_MAX] = 'x';
    longest[NHI_TICKET_TEXT_MAX + 1] = '\0';
    assert_int_equal(nhi_sshcert_make(&t, longest, base64), NHI_ERR_ARG);
    t.ssh = nhi_sshopt_parse("no-pty");
    make(&t, TEXT);
    assert_null(memmem(blob, blob_len, "permit-pty", 10));
    assert_non_null(memmem(blob, blob_len, "permit-port-forwarding", 22));
    t.ssh = nhi_sshopt_parse("restrict");
    make(&t, TEXT);
    assert_null(memmem(blob, blob_len, "permit", 6));
    assert_int_equal(decode(blob, blob_len, &c), NHI_OK);
    assert_string_equal(c.ticket, TEXT);
    t.has_cnf = false;
    assert_int_equal(nhi_sshcert_make(&t, TEXT, base64), NHI_ERR_ARG);
}

static uint8_t *put_string(uint8_t *at, const void *bytes, size_t len)
{
    const uint8_t head[4] = { 0, 0, (uint8_t)(len >> 8), (uint8_t)len };

    memcpy(at, head, sizeof(head));
    memcpy(at + sizeof(head), bytes, len);
    return at + sizeof(head) + len;
}

static uint8_t *put_moment(uint8_t *at, int64_t t)
{
    for (int i = 56; i >= 0; i -= 8)
        *at++ = (uint8_t)((uint64_t)t >> i);
    return at;
}

/* Between the key and the extensions, byte for byte: kind, name, accounts and the time of validity. */
static void test_what_it_says(void **state)
{
    static const uint8_t user[12] = { [11] = 1 };
    struct nhi_ticket t = ticket();
    uint8_t want[256], accounts[64], *end;
    char base64[NHI_SSHCERT_MAX + 1];
    size_t at;

    (void)state;
    make(&t, TEXT);
    memcpy(want, user, sizeof(user)); /* no serial, a user's */
    end = put_string(want + sizeof(user), t.jti, NHI_JTI_LEN);
    at = (size_t)(put_string(put_string(accounts, "ci-bot", 6), "deploy", 6) - accounts);
    end = put_string(end, accounts, at);
    end = put_moment(end, t.iat - 30); /* the client's clock may be behind, and sshd has no skew */
    end = put_moment(end, t.exp);
    end = put_string(end, "", 0);
    at = 4 + strlen(NHI_SSHCERT_TYPE) + 4 + 32;
    assert_memory_equal(blob + at + 4, t.cnf, sizeof(t.cnf));
    assert_memory_equal(blob + at + 4 + sizeof(t.cnf), want, (size_t)(end - want));
    /* Not before the epoch. */
    t.iat = 30;
    make(&t, TEXT);
    t.iat = 29;
    assert_int_equal(nhi_sshcert_make(&t, TEXT, base64), NHI_ERR_ARG);
}

/* The signature covers everything before it, and is by the signer that the certificate names. */
static void test_signature(void **state)
{
    struct nhi_ticket t = ticket();
    struct nhi_sshcert c;
    size_t tail = 4 + 4 + strlen("ssh-ed25519") + 4 + crypto_sign_BYTES;

    (void)state;
    make(&t, TEXT);
    assert_int_equal(decode(blob, blob_len, &c), NHI_OK);
    assert_int_equal(crypto_sign_verify_detached(blob + blob_len - crypto_sign_BYTES, blob, blob_len - tail, c.signer),
                     0);
}

/* ssh-keygen -s ca -I golden -n ci-bot,deploy -O extension:ticket@nhi=..., with the first ticket of
 * golden.json. */
static void test_made_by_ssh_keygen(void **state)
{
    json_t *all = vectors_own("golden.json");
    const json_t *first = json_array_get(json_object_get(all, "tickets"), 0);
    const char *dir = getenv("NHI_OWN_VECTORS");
    char path[4096], text[NHI_SSHCERT_MAX + 2] = "", key[NHI_SSHKEY_LEN + 1];
    struct nhi_sshcert c;
    FILE *f;

    (void)state;
    snprintf(path, sizeof(path), "%s/sshcert.txt", dir != NULL ? dir : "tests/vectors");
    f = fopen(path, "re");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    fclose(f);
    assert_int_equal(nhi_sshcert_decode(text, strcspn(text, "\n"), &c), NHI_OK);
    assert_string_equal(c.ticket, text_of(first, "token"));
    nhi_sshkey_encode(c.pk, key);
    assert_string_equal(key, "AAAAC3NzaC1lZDI1NTE5AAAAIPKLDhyvvzNM1sh6r6ciDjtRArQxH9v2fK5ot16w63lB");
    nhi_sshkey_encode(c.signer, key);
    assert_string_equal(key, "AAAAC3NzaC1lZDI1NTE5AAAAIMRMYk2psrGczPSp6Hd5pMOC24QhPR4DuBaBDaQAAiWw");
    json_decref(all);
}

static void refused(const uint8_t *bytes, size_t len, enum nhi_err want)
{
    struct nhi_sshcert c, before;

    memset(&before, 7, sizeof(before));
    memcpy(&c, &before, sizeof(c));
    assert_int_equal(decode(bytes, len, &c), want);
    assert_memory_equal(&c, &before, sizeof(c));
}

static void test_cut_and_stretched(void **state)
{
    struct nhi_ticket t = ticket();
    uint8_t *exact;

    (void)state;
    make(&t, TEXT);
    for (size_t i = 0; i < blob_len; i++) {
        /* Of its exact size, so that a read after it is noticed. */
        exact = malloc(i + 1);
        assert_non_null(exact);
        memcpy(exact, blob, i);
        refused(exact, i, NHI_ERR_FORMAT);
        free(exact);
    }
    blob[blob_len] = 0;
    refused(blob, blob_len + 1, NHI_ERR_FORMAT);
}

/* The offset of this text. */
static size_t find(const char *text)
{
    uint8_t *at = memmem(blob, blob_len, text, strlen(text));

    assert_non_null(at);
    return (size_t)(at - blob);
}

static void test_lengths(void **state)
{
    static const uint8_t wrong[][4] = {
        { 0, 0, 0, 0 }, { 0xff, 0xff, 0xff, 0xff }, { 0x7f, 0xff, 0xff, 0xff }, { 0, 0, 0xff, 0xff }
    };
    static const char *const texts[] = { "ssh-ed25519-cert", "AAAA", "permit-pty", "ticket@nhi", "v4.public." };
    struct nhi_ticket t = ticket();
    size_t at;
    uint8_t kept[4];
    struct nhi_sshcert c;

    (void)state;
    make(&t, TEXT);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        for (size_t j = 0; j < sizeof(wrong) / sizeof(*wrong); j++) {
            at = find(texts[i]) - 4;
            memcpy(kept, blob + at, 4);
            memcpy(blob + at, wrong[j], 4);
            assert_int_not_equal(decode(blob, blob_len, &c), NHI_OK);
            memcpy(blob + at, kept, 4);
        }
    assert_int_equal(decode(blob, blob_len, &c), NHI_OK);
}

static void test_other_kinds(void **state)
{
    struct nhi_ticket t = ticket();
    size_t at;

    (void)state;
    make(&t, TEXT);
    blob[find("ticket@nhi")] = 'u';
    refused(blob, blob_len, NHI_ERR_NOT_FOUND);
    make(&t, TEXT);
    at = find("AAAA") - 4 - 1; /* the last byte of the kind */
    assert_int_equal(blob[at], 1);
    blob[at] = 2; /* a host's */
    refused(blob, blob_len, NHI_ERR_FORMAT);
    make(&t, TEXT);
    blob[find("-cert-v01")] = '+';
    refused(blob, blob_len, NHI_ERR_FORMAT);
    make(&t, TEXT);
    memset(memmem(blob, blob_len, t.cnf, sizeof(t.cnf)), 0, sizeof(t.cnf));
    refused(blob, blob_len, NHI_ERR_FORMAT);
    make(&t, TEXT);
    blob[find("v4.public.") + 3] = '\0';
    refused(blob, blob_len, NHI_ERR_FORMAT);
    refused(blob, 0, NHI_ERR_FORMAT);
}

static size_t get_length(size_t at)
{
    return (size_t)blob[at] << 24 | (size_t)blob[at + 1] << 16 | (size_t)blob[at + 2] << 8 | blob[at + 3];
}

/* These bytes, at this place in the strings whose lengths are at inner and outer. */
static void insert(size_t at, const void *bytes, size_t len, size_t inner, size_t outer)
{
    const size_t heads[] = { inner, outer };
    size_t all;

    assert_true(blob_len + len <= sizeof(blob));
    memmove(blob + at + len, blob + at, blob_len - at);
    memcpy(blob + at, bytes, len);
    blob_len += len;
    for (size_t i = 0; i < (inner != outer ? 2 : 1); i++) {
        all = get_length(heads[i]) + len;
        blob[heads[i] + 2] = (uint8_t)(all >> 8);
        blob[heads[i] + 3] = (uint8_t)all;
    }
}

/* Without any other extension, so that all of them are where the ticket's begins. */
static size_t make_bare(const char *text)
{
    struct nhi_ticket t = ticket();

    t.ssh = NHI_SSHOPT_ALL;
    make(&t, text);
    return find("ticket@nhi") - 4;
}

/* One ticket, whole, and no longer than the limit. */
static void test_its_ticket(void **state)
{
    uint8_t first[64], other[32];
    size_t extensions, value, len;
    char longest[NHI_TICKET_TEXT_MAX + 1];
    struct nhi_sshcert c;

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    extensions = make_bare(longest);
    value = extensions + 4 + strlen("ticket@nhi"); /* a string in a string */
    assert_int_equal(decode(blob, blob_len, &c), NHI_OK);
    insert(value + 8, "x", 1, value, extensions - 4);
    blob[value + 6] = (uint8_t)((NHI_TICKET_TEXT_MAX + 1) >> 8);
    blob[value + 7] = (uint8_t)(NHI_TICKET_TEXT_MAX + 1);
    refused(blob, blob_len, NHI_ERR_FORMAT);
    /* Something after the inner string. */
    extensions = make_bare(TEXT);
    insert(value + 4 + get_length(value), "x", 1, value, extensions - 4);
    refused(blob, blob_len, NHI_ERR_FORMAT);
    /* Two, of which one is empty. */
    len = (size_t)(put_string(other, "v4.other", 8) - other);
    len = (size_t)(put_string(put_string(first, "ticket@nhi", 10), other, len) - first);
    extensions = make_bare(TEXT);
    insert(extensions, first, len, extensions - 4, extensions - 4);
    refused(blob, blob_len, NHI_ERR_FORMAT);
    extensions = make_bare("");
    refused(blob, blob_len, NHI_ERR_NOT_FOUND);
    insert(extensions, first, len, extensions - 4, extensions - 4);
    refused(blob, blob_len, NHI_ERR_FORMAT);
}

/* The key that signed is of the named kind, usable, and the only one. */
static void test_its_signer(void **state)
{
    struct nhi_ticket t = ticket();
    size_t at;

    (void)state;
    make(&t, TEXT);
    at = blob_len - (4 + 4 + 11 + 4 + crypto_sign_BYTES) - (4 + 4 + 11 + 4 + NHI_PK_LEN);
    assert_int_equal(get_length(at), 4 + 11 + 4 + NHI_PK_LEN);
    blob[at + 8] = 'S';
    refused(blob, blob_len, NHI_ERR_FORMAT);
    blob[at + 8] = 's';
    memset(blob + at + 4 + 4 + 11 + 4, 0, NHI_PK_LEN);
    refused(blob, blob_len, NHI_ERR_FORMAT);
    make(&t, TEXT);
    insert(at + 4 + get_length(at), "x", 1, at, at);
    refused(blob, blob_len, NHI_ERR_FORMAT);
    /* Either key, a byte too long. */
    make(&t, TEXT);
    insert(at + 4 + get_length(at), "x", 1, at + 4 + 4 + 11, at);
    refused(blob, blob_len, NHI_ERR_FORMAT);
    make(&t, TEXT);
    at = 4 + strlen(NHI_SSHCERT_TYPE) + 4 + 32;
    insert(at + 4 + NHI_PK_LEN, "x", 1, at, at);
    refused(blob, blob_len, NHI_ERR_FORMAT);
}

static void test_longest(void **state)
{
    struct nhi_ticket t = ticket();
    char base64[NHI_SSHCERT_MAX + 8];
    struct nhi_sshcert c;
    uint8_t more[NHI_SSHCERT_MAX];
    size_t at;

    (void)state;
    memset(more, 'A', sizeof(more));
    make(&t, TEXT);
    at = find("AAAA") - 4; /* the name, which is not read */
    insert(at + 4, more, NHI_SSHCERT_MAX / 4 * 3 - blob_len, at, at);
    (void)sodium_bin2base64(base64, sizeof(base64), blob, blob_len, sodium_base64_VARIANT_ORIGINAL);
    assert_int_equal(strlen(base64), NHI_SSHCERT_MAX);
    assert_int_equal(nhi_sshcert_decode(base64, NHI_SSHCERT_MAX, &c), NHI_OK);
    assert_string_equal(c.ticket, TEXT);
    insert(at + 4, more, 1, at, at);
    refused(blob, blob_len, NHI_ERR_FORMAT);
    assert_int_equal(nhi_sshcert_decode("AAAA!AAA", 8, &c), NHI_ERR_FORMAT);
    assert_int_equal(nhi_sshcert_decode("AAA", 3, &c), NHI_ERR_FORMAT);
}

/* The key of any certificate, however long; and of nothing else. */
static void test_its_key(void **state)
{
    struct nhi_ticket t = ticket();
    char base64[2 * NHI_SSHCERT_MAX];
    uint8_t pk[NHI_PK_LEN], more[1000], before[NHI_PK_LEN];

    (void)state;
    memset(more, 'A', sizeof(more));
    memset(before, 7, sizeof(before));
    make(&t, TEXT);
    for (size_t at = find("AAAA") - 4; blob_len + sizeof(more) <= sizeof(blob);)
        insert(at + 4, more, sizeof(more), at, at);
    (void)sodium_bin2base64(base64, sizeof(base64), blob, blob_len, sodium_base64_VARIANT_ORIGINAL);
    assert_true(strlen(base64) > NHI_SSHCERT_MAX);
    assert_int_equal(nhi_sshcert_read_key(base64, strlen(base64), pk), NHI_OK);
    assert_memory_equal(pk, t.cnf, sizeof(pk));
    memcpy(pk, before, sizeof(pk));
    assert_int_equal(nhi_sshcert_read_key("AAAA!AAA", 8, pk), NHI_ERR_FORMAT);
    assert_int_equal(nhi_sshcert_read_key("", 0, pk), NHI_ERR_FORMAT);
    assert_int_equal(nhi_sshcert_read_key(base64, 100, pk), NHI_ERR_FORMAT); /* cut in the key */
    blob[find("-cert-v01")] = '+';
    (void)sodium_bin2base64(base64, sizeof(base64), blob, blob_len, sodium_base64_VARIANT_ORIGINAL);
    assert_int_equal(nhi_sshcert_read_key(base64, strlen(base64), pk), NHI_ERR_FORMAT);
    assert_memory_equal(pk, before, sizeof(pk));
}

/* Cut anywhere, it is the same or none. */
static void test_its_key_cut(void **state)
{
    struct nhi_ticket t = ticket();
    char base64[NHI_SSHCERT_MAX + 1], *cut;
    uint8_t pk[NHI_PK_LEN];
    size_t found = 0;

    (void)state;
    assert_int_equal(nhi_sshcert_make(&t, TEXT, base64), NHI_OK);
    assert_int_equal(nhi_sshcert_read_key(base64, strlen(base64), pk), NHI_OK);
    assert_memory_equal(pk, t.cnf, sizeof(pk));
    for (size_t len = 0; len < 300; len++) {
        cut = malloc(len + 1);
        assert_non_null(cut);
        memcpy(cut, base64, len);
        memset(pk, 7, sizeof(pk));
        if (nhi_sshcert_read_key(cut, len, pk) == NHI_OK) {
            assert_memory_equal(pk, t.cnf, sizeof(pk));
            found++;
        }
        free(cut);
    }
    assert_in_range(found, 100, 299);
    for (size_t at = 0; at < 60; at++) {
        const char had = base64[at];

        base64[at] = had == 'x' ? 'y' : 'x';
        assert_true(nhi_sshcert_read_key(base64, strlen(base64), pk) == NHI_ERR_FORMAT || (at > 47 && at < 60));
        base64[at] = had;
    }
    nhi_sshkey_encode(t.cnf, base64);
    assert_int_equal(nhi_sshcert_read_key(base64, strlen(base64), pk), NHI_ERR_FORMAT);
}

static void test_as_sodium_says(void **state)
{
    struct nhi_ticket t = ticket();
    char base64[NHI_SSHCERT_MAX + 1] = "";

    (void)state;
    for (int i = 0; i < 2; i++) {
        good = i;
        assert_int_equal(nhi_sshcert_make(&t, TEXT, base64), NHI_ERR_SYS);
        assert_string_equal(base64, "");
    }
    good = -1;
    says = 0;
    assert_int_equal(nhi_sshcert_make(&t, TEXT, base64), NHI_OK);
    says = 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),         cmocka_unit_test(test_what_it_says),
        cmocka_unit_test(test_signature),         cmocka_unit_test(test_made_by_ssh_keygen),
        cmocka_unit_test(test_cut_and_stretched), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_other_kinds),       cmocka_unit_test(test_its_ticket),
        cmocka_unit_test(test_its_signer),        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_its_key),           cmocka_unit_test(test_its_key_cut),
        cmocka_unit_test(test_as_sodium_says),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("sshcert", tests, NULL, NULL);
}
