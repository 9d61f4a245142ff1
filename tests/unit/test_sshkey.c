/* SPDX-License-Identifier: ISC */
/*
 * OpenSSH's text of an Ed25519 public key: one text for each key, and no other text is valid. The key was made by
 * ssh-keygen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/key/sshkey.h"

#define BLOB "AAAAC3NzaC1lZDI1NTE5AAAAIPKLDhyvvzNM1sh6r6ciDjtRArQxH9v2fK5ot16w63lB"

static const uint8_t key[NHI_PK_LEN] = { 0xf2, 0x8b, 0x0e, 0x1c, 0xaf, 0xbf, 0x33, 0x4c, 0xd6, 0xc8, 0x7a,
                                         0xaf, 0xa7, 0x22, 0x0e, 0x3b, 0x51, 0x02, 0xb4, 0x31, 0x1f, 0xdb,
                                         0xf6, 0x7c, 0xae, 0x68, 0xb7, 0x5e, 0xb0, 0xeb, 0x79, 0x41 };

static void test_both_ways(void **state)
{
    char text[NHI_SSHKEY_LEN + 1];
    uint8_t pk[NHI_PK_LEN];

    (void)state;
    assert_int_equal(nhi_sshkey_decode(BLOB, strlen(BLOB), pk), NHI_OK);
    assert_memory_equal(pk, key, sizeof(key));
    nhi_sshkey_encode(key, text);
    assert_string_equal(text, BLOB);
}

static void refused(const char *base64, size_t len)
{
    uint8_t pk[NHI_PK_LEN], before[NHI_PK_LEN];

    memset(before, 7, sizeof(before));
    memcpy(pk, before, sizeof(pk));
    if (nhi_sshkey_decode(base64, len, pk) != NHI_ERR_FORMAT)
        fail_msg("accepted: %.*s", (int)len, base64);
    assert_memory_equal(pk, before, sizeof(pk));
}

static void test_no_other_text(void **state)
{
    char text[NHI_SSHKEY_LEN + 3];

    (void)state;
    refused("", 0);
    refused(BLOB "=", strlen(BLOB) + 1);
    refused(BLOB "A", strlen(BLOB) + 1);
    for (size_t i = 0; i < strlen(BLOB); i++)
        refused(BLOB, i);
    /* Every character before the key, changed. */
    for (size_t i = 0; i < 25; i++) {
        snprintf(text, sizeof(text), "%s", BLOB);
        text[i] = text[i] == 'A' ? 'B' : 'A';
        refused(text, strlen(BLOB));
    }
    for (size_t i = 0; i < strlen(BLOB); i++) {
        snprintf(text, sizeof(text), "%s", BLOB);
        text[i] = i % 2 == 0 ? '\n' : '-';
        refused(text, strlen(BLOB));
        text[i] = '\0';
        refused(text, strlen(BLOB));
    }
    /* Anybody could prove a point of small order. */
    refused("AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", strlen(BLOB));
}

static void test_lines(void **state)
{
    static const char *const good[] = { "ssh-ed25519 " BLOB, "ssh-ed25519 " BLOB "\n",
                                        "ssh-ed25519 " BLOB " a comment\n", "ssh-ed25519\t" BLOB "\r\n",
                                        "ssh-ed25519  " BLOB " x" };
    static const char *const bad[] = { "",
                                       "\n",
                                       "ssh-ed25519",
                                       "ssh-ed25519 ",
                                       BLOB,
                                       " ssh-ed25519 " BLOB,
                                       "ssh-ed25519 " BLOB "x",
                                       "restrict ssh-ed25519 " BLOB,
                                       "ssh-ed25519\n" BLOB,
                                       "-----BEGIN OPENSSH PRIVATE KEY-----" };
    static const char *const others[] = { "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB", "ssh-ed25519x " BLOB,
                                          "ecdsa-sha2-nistp256 AAAA", "sk-ssh-ed25519@openssh.com AAAA",
                                          "ssh-ed25519-cert-v01@openssh.com " BLOB };
    uint8_t pk[NHI_PK_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        memset(pk, 0, sizeof(pk));
        assert_int_equal(nhi_sshkey_parse(good[i], pk), NHI_OK);
        assert_memory_equal(pk, key, sizeof(key));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(nhi_sshkey_parse(bad[i], pk), NHI_ERR_FORMAT);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        assert_int_equal(nhi_sshkey_parse(others[i], pk), NHI_ERR_STATE);
}

/* As ssh-keygen -l prints it; for any blob, and for nothing else. */
static void test_print(void **state)
{
    static char huge[9001];
    char print[NHI_SSHKEY_PRINT_LEN + 1] = "untouched";

    (void)state;
    memset(huge, 'A', sizeof(huge) - 1);
    assert_int_equal(nhi_sshkey_print("AAAA", 4, print), NHI_ERR_FORMAT);
    assert_int_equal(nhi_sshkey_print("not base64!!", 12, print), NHI_ERR_FORMAT);
    assert_int_equal(nhi_sshkey_print(BLOB, strlen(BLOB) - 1, print), NHI_ERR_FORMAT);
    assert_int_equal(nhi_sshkey_print(huge, strlen(huge), print), NHI_ERR_FORMAT);
    assert_string_equal(print, "untouched");
    assert_int_equal(nhi_sshkey_print(BLOB, strlen(BLOB), print), NHI_OK);
    assert_string_equal(print, "SHA256:Ab9W7a9MrmJRgCv8F6gZB2KM2gYjvdH83iaaC9M8ZjY");
    assert_int_equal(nhi_sshkey_print(huge, 8192, print), NHI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_no_other_text),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_print),
    };

    return cmocka_run_group_tests_name("sshkey", tests, NULL, NULL);
}
