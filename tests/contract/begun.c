/* SPDX-License-Identifier: ISC */
/*
 * The command, or the shell, of a test for whether a command begins: it writes one file when it begins, another when it
 * is told to end, and does not end. Its arguments mean nothing.
 *
 * The files began and told, beside this program, have its pid and the milliseconds since boot, as in /proc/uptime. It
 * is linked statically: only a few system calls come between a successful execve and the first file.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t told;

static void on_term(int sig)
{
    (void)sig;
    told = 1;
}

static int say(const char *dir, const char *name)
{
    char path[512], line[64];
    struct timespec ts;
    int fd, len;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    len =
        snprintf(line, sizeof(line), "%ld %lld\n", (long)getpid(), (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        return 1;
    close(fd);
    return 0;
}

int main(void)
{
    struct sigaction sa = { .sa_handler = on_term };
    sigset_t none, term;
    char dir[256];
    ssize_t len = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

    if (len <= 0)
        return 1;
    dir[len] = '\0';
    *strrchr(dir, '/') = '\0';
    if (say(dir, "began") != 0)
        return 1;
    sigemptyset(&none);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
    for (;;) {
        (void)sigsuspend(&none);
        if (told && say(dir, "told") != 0)
            return 1;
        told = 0;
    }
}
