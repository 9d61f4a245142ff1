/* SPDX-License-Identifier: ISC */
/*
 * How long processes outlive a command that ends their sessions: from its start until each has ended.
 *
 *   gone [-n] COMMAND...     lines with a process ID each on standard input
 *
 * Prints, in microseconds: when half of them had ended, when 99 of 100 had, when the last had, and when the command
 * had. With -n the command is not waited for, and goes on. Exit status: that of the command, 124 after a minute, 125
 * anything else.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/bench.h"

#define MOST 4096
#define MINUTE 60000

static struct pollfd fds[MOST + 1]; /* the last is the command */
static double ended[MOST + 1];

static pid_t start(char **command)
{
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);

        (void)dup2(null, 0);
        (void)dup2(null, 1);
        execvp(command[0], command);
        _exit(127);
    }
    return pid;
}

static nfds_t open_all(void)
{
    nfds_t n = 0;
    long pid;

    while (n < MOST && scanf("%ld", &pid) == 1) {
        fds[n].fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
        fds[n].events = POLLIN;
        if (fds[n].fd < 0)
            exit(125);
        n++;
    }
    return n;
}

int main(int argc, char **argv)
{
    const struct rlimit many = { .rlim_cur = MOST * 2, .rlim_max = MOST * 2 };
    nfds_t n, left;
    bool leave;
    double began;
    int status = 0;
    pid_t pid;

    (void)setrlimit(RLIMIT_NOFILE, &many);
    leave = argc > 2 && strcmp(argv[1], "-n") == 0;
    if (argc < 2 || (n = open_all()) == 0)
        return 125;
    began = now_us();
    pid = start(argv + 1 + leave);
    if (pid < 0)
        return 125;
    fds[n] = (struct pollfd){ .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
    for (left = leave ? n : n + 1; left > 0;) {
        if (poll(fds, n + 1, MINUTE) <= 0)
            return 124;
        for (nfds_t i = 0; i <= n; i++)
            if (fds[i].revents != 0) {
                ended[i] = now_us() - began;
                fds[i] = (struct pollfd){ .fd = -1 };
                left -= i < n || !leave;
            }
    }
    if (!leave && (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)))
        return 125;
    qsort(ended, n, sizeof(*ended), by_value);
    printf("%.0f %.0f %.0f %.0f\n", ended[n / 2], ended[n * 99 / 100], ended[n - 1], ended[n]);
    return WEXITSTATUS(status);
}
