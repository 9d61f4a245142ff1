/* SPDX-License-Identifier: ISC */
/*
 * Runs a program on a terminal of its own and answers its prompts, as a person would.
 *
 *   pty [PROMPT FILE]... -- PROGRAM ARG...
 *
 * Whatever the program prints goes to standard output. When it has printed PROMPT, the first line of
 * FILE is typed, then the next pair is waited for. Typing ahead would not do: su and sudo discard
 * what was typed before they asked. Exit status: the program's, 128 + signal, or 125.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEEN_MAX 65536
#define LINE_MAX_BYTES 4000 /* a terminal takes 4095 in a line */

static int fail(const char *what)
{
    perror(what);
    return 125;
}

/* The child's end: a session of its own with the terminal as its controlling one. */
static void run_child(int master, char **argv)
{
    const char *name = ptsname(master);
    int slave;

    if (setsid() < 0 || name == NULL || (slave = open(name, O_RDWR)) < 0 || ioctl(slave, TIOCSCTTY, 0) < 0 ||
        dup2(slave, 0) < 0 || dup2(slave, 1) < 0 || dup2(slave, 2) < 0)
        _exit(fail("pty"));
    if (slave > 2)
        close(slave);
    close(master);
    execvp(argv[0], argv);
    _exit(fail(argv[0]));
}

static int type_line(int master, const char *path)
{
    char line[LINE_MAX_BYTES + 1];
    FILE *f = fopen(path, "re");
    size_t len;

    if (f == NULL)
        return -1;
    len = fread(line, 1, LINE_MAX_BYTES, f);
    fclose(f);
    line[len] = '\0';
    len = strcspn(line, "\n");
    line[len++] = '\n';
    for (size_t at = 0; at < len;) {
        ssize_t n = write(master, line + at, len - at);

        if (n < 0 && errno != EINTR)
            return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Passes output on and answers, until the program has closed its terminal. */
static int converse(int master, char **pairs, int count)
{
    static char seen[SEEN_MAX + 1];
    size_t have = 0;

    for (;;) {
        ssize_t n = read(master, seen + have, SEEN_MAX - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0; /* EIO: nobody has the other end open any more */
        if (write(1, seen + have, (size_t)n) != n)
            return -1;
        have += (size_t)n;
        seen[have] = '\0';
        if (count > 0 && strstr(seen, pairs[0]) != NULL) {
            if (type_line(master, pairs[1]) != 0)
                return -1;
            pairs += 2;
            count -= 2;
            have = 0;
        }
        if (have == SEEN_MAX)
            have = 0;
    }
}

int main(int argc, char **argv)
{
    int sep = 1, master, status;
    pid_t pid;

    while (sep < argc && strcmp(argv[sep], "--") != 0)
        sep++;
    if (sep + 1 >= argc || (sep - 1) % 2 != 0) {
        fputs("usage: pty [PROMPT FILE]... -- PROGRAM ARG...\n", stderr);
        return 125;
    }
    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        return fail("pty");
    pid = fork();
    if (pid < 0)
        return fail("fork");
    if (pid == 0)
        run_child(master, argv + sep + 1);
    if (converse(master, argv + 1, sep - 1) != 0)
        return fail("pty");
    if (waitpid(pid, &status, 0) < 0)
        return fail("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
