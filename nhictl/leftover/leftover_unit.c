/* SPDX-License-Identifier: ISC */
/*
 * MUST: a unit counts as root's only if all of its files belong to root: systemd-cron makes units from users' files.
 * MUST: wait for nobody longer than a moment: systemd may hang.
 */
#include "nhictl/leftover/leftover_unit.h"
#include "libnhi/base/proc.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 2000
#define SPOOL "/var/spool/cron/"

static pid_t start(const char *name, int *out)
{
    char program[] = "/usr/bin/systemctl", verb[] = "show", what[] = "--property=User,FragmentPath,SourcePath";
    char end[] = "--", unit[256];
    char *const argv[] = { program, verb, what, end, unit, NULL };
    char *const none[] = { NULL };
    sigset_t empty;
    int fds[2], null;
    pid_t pid;

    if (snprintf(unit, sizeof(unit), "%s", name) >= (int)sizeof(unit) || pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        null = open("/dev/null", O_RDWR);
        sigemptyset(&empty);
        sigprocmask(SIG_SETMASK, &empty, NULL);
        if (null >= 0 && dup2(null, 0) == 0 && dup2(null, 2) == 2 && dup2(fds[1], 1) == 1)
            execve(argv[0], argv, none);
        _exit(127);
    }
    close(fds[1]);
    if (pid < 0)
        close(fds[0]);
    *out = fds[0];
    return pid;
}

/* false: the answer is not complete. */
static bool read_answer(const char *name, char *buf, size_t size)
{
    int64_t until = nhi_clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
    size_t len = 0;
    ssize_t n = -1;
    int fd = -1, status = -1;
    pid_t pid = start(name, &fd);

    if (pid < 0)
        return false;
    while (len + 1 < size) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left = until - nhi_clock_ms(CLOCK_MONOTONIC);

        if (left <= 0 || poll(&p, 1, (int)left) <= 0 || (n = read(fd, buf + len, size - 1 - len)) <= 0)
            break;
        len += (size_t)n;
    }
    buf[len] = '\0';
    close(fd);
    if (n != 0)
        (void)kill(pid, SIGKILL);
    return waitpid(pid, &status, 0) == pid && status == 0 && n == 0 && len > 0;
}

/* The rest of the line that begins with key. Empty: no such line, or no value. */
static void take(const char *answer, const char *key, char *value, size_t size)
{
    size_t len = strlen(key);

    value[0] = '\0';
    for (const char *at = answer; at != NULL; at = strchr(at, '\n') != NULL ? strchr(at, '\n') + 1 : NULL)
        if (strncmp(at, key, len) == 0 && strcspn(at + len, "\n") < size) {
            memcpy(value, at + len, strcspn(at + len, "\n"));
            value[strcspn(at + len, "\n")] = '\0';
        }
}

static bool is_roots(const char *path)
{
    char *real = realpath(path, NULL);
    struct stat st;
    bool is = real != NULL && strncmp(real, SPOOL, strlen(SPOOL)) != 0 && stat(real, &st) == 0 && st.st_uid == 0 &&
              (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;

    free(real);
    return is;
}

enum leftover_unit leftover_unit_ask(const char *name, const struct leftover_account *a)
{
    char answer[16384], user[256], fragment[4096], source[4096], number[16];

    if (!read_answer(name, answer, sizeof(answer)))
        return UNIT_UNKNOWN;
    take(answer, "User=", user, sizeof(user));
    take(answer, "FragmentPath=", fragment, sizeof(fragment));
    take(answer, "SourcePath=", source, sizeof(source));
    snprintf(number, sizeof(number), "%u", a->uid);
    if (strncmp(source, SPOOL, strlen(SPOOL)) == 0 || strncmp(fragment, SPOOL, strlen(SPOOL)) == 0)
        return UNIT_CRONTAB;
    if ((strcmp(user, a->name) == 0 || strcmp(user, number) == 0) && is_roots(fragment) &&
        (source[0] == '\0' || is_roots(source)))
        return UNIT_ROOTS;
    return leftover_delivers(name) ? UNIT_DELIVERY : UNIT_OTHER;
}
