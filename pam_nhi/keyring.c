#include "pam_nhi/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

/* Without a session keyring a process sees its uid's, _uid_ses.UID: shared by every task of the
 * uid. */
static int is_shared(int32_t ring)
{
    char buf[256];
    long n = keyctl(KEYCTL_DESCRIBE, ring, buf, sizeof buf - 1);

    if (n <= 0 || (size_t)n >= sizeof buf)
        return 1;
    buf[n] = '\0';
    return strstr(buf, ";_uid") != NULL;
}

/* Runs in the child. What is found goes into the pipe. */
static void look(int out)
{
    char text[NHI_TICKET_READ_MAX + 1];
    int32_t keys[KEYS_MAX];
    long ring, n, i, len;

    ring = keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, NULL, 0);
    if (ring <= 0 || is_shared((int32_t)ring))
        return;
    n = keyctl(KEYCTL_READ, ring, keys, sizeof keys);
    n = n > (long)sizeof keys ? KEYS_MAX : n / (long)sizeof keys[0];
    for (i = 0; i < n; i++)
        if (is_called(keys[i], "user", DESCRIPTION)) {
            len = keyctl(KEYCTL_READ, keys[i], text, sizeof text);
            /* A longer one goes on cut, for the verifier to refuse: what yields anything is final.
             */
            if (len > (long)sizeof text)
                len = sizeof text;
            if (len > 0)
                (void)!write(out, text, (size_t)len);
            return;
        }
}

static size_t read_all(int fd, char *text, size_t size)
{
    size_t have = 0;

    while (have < size) {
        ssize_t n = read(fd, text + have, size - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    return have;
}

/*
 * In a child: the kernel gives a process that asks for its session keyring and has none the one of
 * its uid, for good, and su would hand that on to the agent. No exit signal: the host must not hear
 * of this child, nor reap it.
 */
char *pnhi_keyring_ticket(void)
{
    char *text = calloc(1, NHI_TICKET_READ_MAX + 2);
    int ends[2], status;
    size_t len;
    long pid;

    if (text == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        free(text);
        return NULL;
    }
    pid = syscall(SYS_clone, 0UL, NULL, NULL, NULL, 0UL);
    if (pid == 0) {
        look(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    len = pid > 0 ? read_all(ends[0], text, NHI_TICKET_READ_MAX + 1) : 0;
    close(ends[0]);
    while (pid > 0 && waitpid((pid_t)pid, &status, __WALL) < 0 && errno == EINTR)
        continue;
    if (len == 0) {
        free(text);
        return NULL;
    }
    return text;
}
