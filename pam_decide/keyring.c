/* SPDX-License-Identifier: ISC */
#include "pam_decide/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/ticket/ticket_keyring.h"

/* Runs in the child, and writes what it finds to the pipe. */
static void look(int out)
{
    char text[NHI_TICKET_READ_MAX + 1];
    size_t len = nhi_keyring_read(text, sizeof(text));

    if (len > 0)
        (void)!write(out, text, len);
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
 * In a child: when a process without a session keyring asks for one, the kernel gives it that of its uid, for good, and
 * su would pass that on to the agent. No exit signal: the host program must not learn of this child, nor reap it.
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
