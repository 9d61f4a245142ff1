#include "nhictl/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nhictl/out.h"

#define PATIENCE 30 /* seconds */
#define SAID_MAX 65536
#define NOT_STARTED 127

static _Noreturn void become(const char *const argv[], int out)
{
    char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
    char *const env[] = { path, locale, NULL };
    union {
        const char *const *in;
        char *const *out;
    } words = { .in = argv };
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t empty;

    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    if (null >= 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2) {
        /* It outlives exec: whoever hangs is not there for ever. */
        alarm(PATIENCE);
        execve(argv[0], words.out, env);
    }
    _exit(NOT_STARTED);
}

/* What does not fit is read all the same, or the program would wait for a reader. */
static void listen_to(int fd, char *said)
{
    char rest[4096] = "";
    size_t have = 0;
    ssize_t n;

    for (;;) {
        bool fits = have < SAID_MAX;

        n = read(fd, fits ? said + have : rest, fits ? SAID_MAX - have : sizeof(rest));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        have += fits ? (size_t)n : 0;
    }
    said[have] = '\0';
}

int program_run(const char *const argv[], char **said)
{
    int fds[2], status = -1;
    pid_t pid;

    *said = out_must(calloc(1, SAID_MAX + 1));
    if (access(argv[0], X_OK) != 0 || pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    pid = fork();
    if (pid == 0)
        become(argv, fds[1]);
    close(fds[1]);
    if (pid > 0)
        listen_to(fds[0], *said);
    close(fds[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid < 0 || status == -1)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
