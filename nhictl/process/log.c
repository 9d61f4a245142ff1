/* SPDX-License-Identifier: ISC */
/*
 * MUST: no log holds up a program that ends sessions. syslog(3) waits for as long as nobody reads /dev/log.
 */
#include "nhictl/process/log.h"
#include "libnhi/base/proc.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024
#define PATIENCE 100 /* milliseconds, in which a log with a reader accepts many lines */
#define DEAF 2000    /* time for which a log that did not accept a line is not waited for again */

static int64_t deaf_until;

static void send_line(int fd, const char *line, size_t len)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    if (send(fd, line, len, MSG_NOSIGNAL) >= 0 || errno != EAGAIN || nhi_clock_ms(CLOCK_MONOTONIC) < deaf_until)
        return;
    (void)poll(&p, 1, PATIENCE);
    if (send(fd, line, len, MSG_NOSIGNAL) < 0)
        deaf_until = nhi_clock_ms(CLOCK_MONOTONIC) + DEAF;
}

/* By either kind of socket that a log may have there; on a stream a line ends with its NUL. false: the log has the
 * other kind. */
static bool send_by(int type, const char *line)
{
    const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool other = false;

    if (fd < 0)
        return true;
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
        other = errno == EPROTOTYPE;
    else
        send_line(fd, line, strlen(line) + (type == SOCK_STREAM));
    close(fd);
    return !other;
}

void log_say(int priority, const char *format, ...)
{
    char text[LINE_MAX_LEN], line[LINE_MAX_LEN + 64], at[32] = "";
    time_t now = time(NULL);
    struct tm tm;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (localtime_r(&now, &tm) != NULL)
        (void)strftime(at, sizeof(at), "%b %e %H:%M:%S", &tm);
    snprintf(line, sizeof(line), "<%d>%s nhictl: %s", priority, at, text);
    if (!send_by(SOCK_DGRAM, line))
        (void)send_by(SOCK_STREAM, line);
}
