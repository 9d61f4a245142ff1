/* SPDX-License-Identifier: ISC */
/*
 * Runs commands in turn, A B C A B C and so on, so that all meet the same moments of a busy machine, and prints what
 * each took.
 *
 *   in_turn ROUNDS    lines of NAME COMMAND... on standard input, words between blanks
 *
 * Each run is a new process. Prints lines of NAME.FIGURE MINIMUM MEDIAN RUNS, for these figures: wall (microseconds
 * until it was reaped), cpu (of it and its children), rss (KiB), and inner, where the command has written microseconds
 * to descriptor 3. The first run of each is not counted. A command that fails once is reported on standard error, and
 * has no line. With NHI_BENCH_LOUD in the environment standard error is theirs as well. Exit status 1 if one failed.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/bench.h"

#define COMMANDS_MAX 32
#define WORDS_MAX 64
#define ROUNDS_MAX 1000

enum { WALL, CPU, RSS, INNER, FIGURES };
static const char *const figure_names[FIGURES] = { "wall", "cpu", "rss", "inner" };

static struct command {
    char line[4096];
    char *name, *words[WORDS_MAX];
    double took[FIGURES][ROUNDS_MAX];
    bool inner, failed;
} commands[COMMANDS_MAX];

static double of_timeval(struct timeval t)
{
    return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

static bool parse(struct command *c)
{
    int n = 0;

    c->name = strtok(c->line, " \n");
    if (c->name == NULL)
        return false;
    while (n < WORDS_MAX - 1 && (c->words[n] = strtok(NULL, " \n")) != NULL)
        n++;
    return n > 0;
}

static void become(const struct command *c, int inner)
{
    int null = open("/dev/null", O_RDWR);

    if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || (getenv("NHI_BENCH_LOUD") == NULL && dup2(null, 2) < 0) ||
        dup2(inner, 3) < 0)
        _exit(126);
    execvp(c->words[0], c->words);
    _exit(127);
}

static void run(struct command *c, int round)
{
    struct rusage u = { .ru_maxrss = 0 };
    double began = now_us();
    char text[64];
    int p[2], status;
    ssize_t len;
    pid_t pid;

    if (pipe2(p, O_CLOEXEC) != 0 || (pid = fork()) < 0)
        exit(125);
    if (pid == 0)
        become(c, p[1]);
    close(p[1]);
    if (wait4(pid, &status, 0, &u) != pid)
        exit(125);
    c->took[WALL][round] = now_us() - began;
    c->took[CPU][round] = of_timeval(u.ru_utime) + of_timeval(u.ru_stime);
    c->took[RSS][round] = (double)u.ru_maxrss;
    (void)fcntl(p[0], F_SETFL, O_NONBLOCK);
    len = read(p[0], text, sizeof(text) - 1);
    close(p[0]);
    if (len > 0) {
        text[len] = '\0';
        c->inner = true;
        c->took[INNER][round] = strtod(text, NULL);
    }
    if (status != 0 && !c->failed) {
        fprintf(stderr, "in_turn: %s: status %d: %s ...\n", c->name, status, c->words[0]);
        c->failed = true;
    }
}

static void print(struct command *c, int rounds)
{
    for (int f = 0; f < FIGURES; f++) {
        double *t = c->took[f] + 1, middle;

        if (f == INNER && !c->inner)
            continue;
        middle = median(t, (size_t)rounds);
        printf("%s.%s %.1f %.1f %d\n", c->name, figure_names[f], t[0], middle, rounds);
    }
}

int main(int argc, char **argv)
{
    int count = 0, rounds = argc == 2 ? atoi(argv[1]) : 0, bad = 0;

    if (rounds < 1 || rounds >= ROUNDS_MAX)
        return 125;
    while (count < COMMANDS_MAX && fgets(commands[count].line, sizeof(commands[count].line), stdin) != NULL)
        if (parse(&commands[count]))
            count++;
    for (int round = 0; round <= rounds; round++)
        for (int i = 0; i < count; i++)
            if (!commands[i].failed)
                run(&commands[i], round);
    for (int i = 0; i < count; i++) {
        if (!commands[i].failed)
            print(&commands[i], rounds);
        bad |= commands[i].failed;
    }
    return bad;
}
