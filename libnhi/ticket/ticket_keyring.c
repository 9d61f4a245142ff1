/* SPDX-License-Identifier: ISC */
#include "libnhi/ticket/ticket_keyring.h"

#include <linux/keyctl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTION "nhi:ticket"
#define KEYS_MAX 256 /* in one keyring; the kernel's quota for a user is 200 */

static long keyctl(int op, long a, void *b, size_t c)
{
    return syscall(SYS_keyctl, op, a, b, c, 0);
}

/* The kernel describes a key as type;uid;gid;perm;description. */
static int is_called(int32_t key, const char *type, const char *description)
{
    char buf[256], *semicolon;
    long n = keyctl(KEYCTL_DESCRIBE, key, buf, sizeof(buf) - 1);

    if (n <= 0 || (size_t)n >= sizeof(buf))
        return 0;
    buf[n] = '\0';
    semicolon = strrchr(buf, ';');
    return semicolon != NULL && strcmp(semicolon + 1, description) == 0 && strncmp(buf, type, strlen(type)) == 0 &&
           buf[strlen(type)] == ';';
}

/* A process without a session keyring sees the one of its uid, _uid_ses.UID, which all tasks of the uid share. */
static int is_shared(int32_t ring)
{
    char buf[256];
    long n = keyctl(KEYCTL_DESCRIBE, ring, buf, sizeof(buf) - 1);

    if (n <= 0 || (size_t)n >= sizeof(buf))
        return 1;
    buf[n] = '\0';
    return strstr(buf, ";_uid") != NULL;
}

size_t nhi_keyring_read(char *text, size_t size)
{
    int32_t keys[KEYS_MAX];
    long ring, n, len;

    ring = keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, NULL, 0);
    if (ring <= 0 || is_shared((int32_t)ring))
        return 0;
    n = keyctl(KEYCTL_READ, ring, keys, sizeof(keys));
    n = n > (long)sizeof(keys) ? KEYS_MAX : n / (long)sizeof(keys[0]);
    for (long i = 0; i < n; i++)
        if (is_called(keys[i], "user", DESCRIPTION)) {
            len = keyctl(KEYCTL_READ, keys[i], text, size);
            /* A longer text is passed on cut, so that the verifier refuses it: the first source that has a text is
             * final. */
            return len > (long)size ? size : len > 0 ? (size_t)len : 0;
        }
    return 0;
}

enum nhi_err nhi_keyring_join(void)
{
    return keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, NULL, 0) > 0 ? NHI_OK : NHI_ERR_SYS;
}

enum nhi_err nhi_keyring_put(const char *text, int64_t seconds)
{
    long key = syscall(SYS_add_key, "user", DESCRIPTION, text, strlen(text), KEY_SPEC_SESSION_KEYRING);

    if (key <= 0)
        return NHI_ERR_SYS;
    /* For tidiness only, not as a limit: the owner of the key can set another one. */
    (void)syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, key, (unsigned)seconds);
    return NHI_OK;
}
