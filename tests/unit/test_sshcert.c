/*
 * Certificates that carry a ticket: what is made is read again, and nothing that was cut, stretched
 * or patched is. That OpenSSH reads them too is an end-to-end test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/sshcert.h"
#include "libnhi/sshkey.h"
#include "libnhi/sshopt.h"
#include "tests/vectors/vectors.h"

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

    (void)sodium_bin2base64(text, sizeof text, bytes, len, sodium_base64_VARIANT_ORIGINAL);
    return nhi_sshcert_decode(text, strlen(text), out);
}

static void make(const struct nhi_ticket *t, const char *text)
{
    char base64[NHI_SSHCERT_MAX + 1];

    assert_int_equal(nhi_sshcert_make(t, text, base64), NHI_OK);
    assert_int_equal(sodium_base642bin(blob, sizeof blob, base64, strlen(base64), NULL, &blob_len,
                                       NULL, sodium_base64_VARIANT_ORIGINAL),
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
    assert_memory_equal(c.pk, t.cnf, sizeof c.pk);
    assert_string_equal(c.ticket, TEXT);
    /* A signer of the moment: never the same. */
    make(&t, TEXT);
    assert_int_equal(decode(blob, blob_len, &d), NHI_OK);
    assert_memory_not_equal(c.signer, d.signer, sizeof c.signer);
    memset(longest, 'x', sizeof longest);
    longest[NHI_TICKET_TEXT_MAX] = '\0';
    memset(t.accounts, 'a', sizeof t.accounts - 1);
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

/* The signature covers everything before it, and it is by the signer whom the certificate names. */
static void test_signature(void **state)
{
    struct nhi_ticket t = ticket();
    struct nhi_sshcert c;
    size_t tail = 4 + 4 + strlen("ssh-ed25519") + 4 + crypto_sign_BYTES;

    (void)state;
    make(&t, TEXT);
    assert_int_equal(decode(blob, blob_len, &c), NHI_OK);
    assert_int_equal(crypto_sign_verify_detached(blob + blob_len - crypto_sign_BYTES, blob,
                                                 blob_len - tail, c.signer),
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
    (void)snprintf(path, sizeof path, "%s/sshcert.txt", dir != NULL ? dir : "tests/vectors");
    f = fopen(path, "re");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    (void)fclose(f);
    assert_int_equal(nhi_sshcert_decode(text, strcspn(text, "\n"), &c), NHI_OK);
    assert_string_equal(c.ticket, text_of(first, "token"));
    nhi_sshkey_encode(c.pk, key);
    assert_string_equal(key,
                        "AAAAC3NzaC1lZDI1NTE5AAAAIPKLDhyvvzNM1sh6r6ciDjtRArQxH9v2fK5ot16w63lB");
    nhi_sshkey_encode(c.signer, key);
    assert_string_equal(key,
                        "AAAAC3NzaC1lZDI1NTE5AAAAIMRMYk2psrGczPSp6Hd5pMOC24QhPR4DuBaBDaQAAiWw");
    json_decref(all);
}

static void refused(const uint8_t *bytes, size_t len, enum nhi_err want)
{
    struct nhi_sshcert c, before;

    memset(&before, 7, sizeof before);
    memcpy(&c, &before, sizeof c);
    assert_int_equal(decode(bytes, len, &c), want);
    assert_memory_equal(&c, &before, sizeof c);
}

static void test_cut_and_stretched(void **state)
{
    struct nhi_ticket t = ticket();
    uint8_t *exact;
    size_t i;

    (void)state;
    make(&t, TEXT);
    for (i = 0; i < blob_len; i++) {
        /* Of its own size, so that a byte read behind it is seen. */
        exact = malloc(i + 1);
        assert_non_null(exact);
        memcpy(exact, blob, i);
        refused(exact, i, NHI_ERR_FORMAT);
        free(exact);
    }
    blob[blob_len] = 0;
    refused(blob, blob_len + 1, NHI_ERR_FORMAT);
}

/* Where this text stands, from its first byte. */
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
    static const char *const texts[] = { "ssh-ed25519-cert", "AAAA", "permit-pty", "ticket@nhi",
                                         "v4.public." };
    struct nhi_ticket t = ticket();
    size_t i, j, at;
    uint8_t kept[4];
    struct nhi_sshcert c;

    (void)state;
    make(&t, TEXT);
    for (i = 0; i < sizeof texts / sizeof *texts; i++)
        for (j = 0; j < sizeof wrong / sizeof *wrong; j++) {
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
    memset(memmem(blob, blob_len, t.cnf, sizeof t.cnf), 0, sizeof t.cnf);
    refused(blob, blob_len, NHI_ERR_FORMAT);
    make(&t, TEXT);
    blob[find("v4.public.") + 3] = '\0';
    refused(blob, blob_len, NHI_ERR_FORMAT);
    refused(blob, 0, NHI_ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_made_by_ssh_keygen),
        cmocka_unit_test(test_cut_and_stretched),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_other_kinds),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("sshcert", tests, NULL, NULL);
}
