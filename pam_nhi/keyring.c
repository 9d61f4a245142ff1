#include "pam_nhi/keyring.h"

#include <linux/keyctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libnhi/ticket.h"

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
    long n = keyctl(KEYCTL_DESCRIBE, key, buf, sizeof buf - 1);

    if (n <= 0 || (size_t)n >= sizeof buf)
        return 0;
    buf[n] = '\0';
    semicolon = strrchr(buf, ';');
    return semicolon != NULL && strcmp(semicolon + 1, description) == 0 &&
           strncmp(buf, type, strlen(type)) == 0 && buf[strlen(type)] == ';';
}

/* Without a session keyring a process sees its uid's, _uid_ses.UID: shared by every task of the uid. */
static int is_shared(int32_t ring)
{
    char buf[256];
    long n = keyctl(KEYCTL_DESCRIBE, ring, buf, sizeof buf - 1);

    if (n <= 0 || (size_t)n >= sizeof buf)
        return 1;
    buf[n] = '\0';
    return strstr(buf, ";_uid") != NULL;
}

static char *read_text(int32_t key)
{
    char *text = calloc(1, NHI_TICKET_READ_MAX + 2);
    long n;

    if (text == NULL)
        return NULL;
    n = keyctl(KEYCTL_READ, key, text, NHI_TICKET_READ_MAX + 1);
    /* A longer one is passed on cut, for the verifier to refuse: what yields anything is final. */
    if (n < 0) {
        free(text);
        return NULL;
    }
    return text;
}

char *pnhi_keyring_ticket(void)
{
    int32_t keys[KEYS_MAX];
    long ring, n, i;

    ring = keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, NULL, 0);
    if (ring <= 0 || is_shared((int32_t)ring))
        return NULL;
    n = keyctl(KEYCTL_READ, ring, keys, sizeof keys);
    if (n < 0)
        return NULL;
    n = n > (long)sizeof keys ? KEYS_MAX : n / (long)sizeof keys[0];
    for (i = 0; i < n; i++)
        if (is_called(keys[i], "user", DESCRIPTION))
            return read_text(keys[i]);
    return NULL;
}
