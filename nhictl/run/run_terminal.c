/* SPDX-License-Identifier: ISC */
/*
 * The terminal of nhictl run: the command gets a terminal of its own, and this process copies its output to the
 * caller's, and typed input back while it is in the foreground.
 *
 * MUST: the account gets no descriptor of the caller's terminal: it could read what is typed at root's shell for as
 * long as the command runs, and change how that terminal works. MUST: a terminal that is held up does not hold up the
 * end of the command.
 */
#include "nhictl/run/run_terminal.h"
#include "libnhi/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LAST_MS 2000 /* milliseconds for the last output: the terminal may accept none */

/* As a separate descriptor: ours does not block, and the caller's does. */
static int reopen(int fd, int flags)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, flags | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

static bool in_foreground(int fd)
{
    return tcgetpgrp(fd) == getpgrp();
}

static bool make_pty(struct run_terminal *t, uid_t uid)
{
    t->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (t->master < 0 || unlockpt(t->master) != 0)
        return false;
    t->slave = ioctl(t->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return t->slave >= 0 && fchown(t->slave, uid, (gid_t)-1) == 0 && fchmod(t->slave, 0620) == 0;
}

/* As the caller's, except that only one of the two terminals converts a line feed. */
static bool set_modes(struct run_terminal *t)
{
    struct termios modes;

    if (tcgetattr(t->out, &t->before) != 0)
        return false;
    modes = t->before;
    if (t->in < 0)
        modes.c_oflag &= ~(tcflag_t)OPOST;
    run_terminal_resize(t);
    return tcsetattr(t->slave, TCSANOW, &modes) == 0;
}

void run_terminal_take(const struct run_terminal *t)
{
    struct termios raw = t->before;

    cfmakeraw(&raw);
    if (t->in >= 0 && in_foreground(t->in))
        (void)tcsetattr(t->in, TCSANOW, &raw);
}

void run_terminal_resize(const struct run_terminal *t)
{
    struct winsize size;

    if (t->out >= 0 && ioctl(t->out, TIOCGWINSZ, &size) == 0)
        (void)ioctl(t->master, TIOCSWINSZ, &size);
}

bool run_terminal_open(struct run_terminal *t, uid_t uid)
{
    bool opened = true;

    *t = (struct run_terminal){ .master = -1, .slave = -1, .in = -1, .out = -1, .null = -1 };
    for (int fd = 0; fd <= 2; fd++)
        t->is[fd] = isatty(fd) != 0;
    if (t->is[1] || t->is[2]) {
        t->out = reopen(t->is[1] ? 1 : 2, O_WRONLY);
        opened = t->out >= 0 && make_pty(t, uid);
    }
    /* In a pipe another process uses the terminal, in the background the shell does. */
    if (opened && t->is[0] && t->is[1] && in_foreground(0))
        opened = (t->in = reopen(0, O_RDONLY)) >= 0;
    else if (opened && t->is[0])
        opened = (t->null = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;
    return opened && (t->out < 0 || set_modes(t));
}

bool run_terminal_become(const struct run_terminal *t)
{
    if (t->slave >= 0 && ioctl(t->slave, TIOCSCTTY, 0) != 0)
        return false;
    if (t->is[0] && dup2(t->in >= 0 ? t->slave : t->null, 0) < 0)
        return false;
    return (!t->is[1] || dup2(t->slave, 1) >= 0) && (!t->is[2] || dup2(t->slave, 2) >= 0);
}

/* ---- copying ---- */

/* false: no more input. */
static bool fill(struct run_flow *f, int fd)
{
    ssize_t n = read(fd, f->buf, sizeof(f->buf));

    f->from = 0;
    f->to = n > 0 ? (size_t)n : 0;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* false: no more output is possible. */
static bool empty(struct run_flow *f, int fd)
{
    ssize_t n = write(fd, f->buf + f->from, f->to - f->from);

    if (n > 0)
        f->from += (size_t)n;
    return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool is_empty(const struct run_flow *f)
{
    return f->from == f->to;
}

size_t run_terminal_poll(const struct run_terminal *t, struct pollfd fds[RUN_TERMINAL_FDS])
{
    bool reads = t->in >= 0 && !t->no_more_in && in_foreground(t->in);
    short master = 0;

    if (t->master < 0)
        return 0;
    if (is_empty(&t->said) && !t->no_more_out)
        master |= POLLIN;
    if (!is_empty(&t->typed))
        master |= POLLOUT;
    /* A descriptor without events would still report a hang-up, at once and for ever. */
    fds[0] = (struct pollfd){ .fd = master != 0 ? t->master : -1, .events = master };
    fds[1] = (struct pollfd){ .fd = is_empty(&t->said) ? -1 : t->out, .events = POLLOUT };
    fds[2] = (struct pollfd){ .fd = reads && is_empty(&t->typed) ? t->in : -1, .events = POLLIN };
    return RUN_TERMINAL_FDS;
}

void run_terminal_carry(struct run_terminal *t)
{
    if (t->master < 0)
        return;
    if (is_empty(&t->said) && !t->no_more_out)
        t->no_more_out = !fill(&t->said, t->master);
    /* A terminal that has gone accepts nothing; the command continues. */
    if (!is_empty(&t->said) && !empty(&t->said, t->out))
        t->said.from = t->said.to;
    if (t->in >= 0 && is_empty(&t->typed) && !t->no_more_in && in_foreground(t->in))
        t->no_more_in = !fill(&t->typed, t->in);
    if (!is_empty(&t->typed) && !empty(&t->typed, t->master))
        t->typed.from = t->typed.to;
}

bool run_terminal_is_held(const struct run_terminal *t)
{
    return t->in >= 0 && !t->no_more_in && !in_foreground(t->in);
}

/* Its last output. */
static void carry_rest(struct run_terminal *t)
{
    int64_t until = nhi_clock_ms(CLOCK_MONOTONIC) + LAST_MS;
    struct pollfd out = { .fd = t->out, .events = POLLOUT };

    do {
        if (is_empty(&t->said))
            t->no_more_out = !fill(&t->said, t->master) || is_empty(&t->said);
        else if (poll(&out, 1, 100) > 0 && !empty(&t->said, t->out))
            t->said.from = t->said.to;
    } while ((!t->no_more_out || !is_empty(&t->said)) && nhi_clock_ms(CLOCK_MONOTONIC) < until);
}

void run_terminal_close(struct run_terminal *t)
{
    if (t->master >= 0 && t->out >= 0)
        carry_rest(t);
    /* Also discards typed input: a program can make a terminal answer, and that must not become the shell's next line.
     */
    if (t->in >= 0 && in_foreground(t->in)) {
        (void)tcflush(t->in, TCIFLUSH);
        (void)tcsetattr(t->in, TCSANOW, &t->before);
    }
    for (size_t i = 0; i < 5; i++) {
        int *fd = (int *[]){ &t->master, &t->slave, &t->in, &t->out, &t->null }[i];

        if (*fd >= 0)
            close(*fd);
        *fd = -1;
    }
}
