/* SPDX-License-Identifier: ISC */
/*
 * Runs a command below a number of processes that wait for it, as a shell in a terminal in a session has them.
 *
 *   ancestors NUMBER COMMAND...
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int status;

    if (argc < 3)
        return 125;
    for (int i = atoi(argv[1]); i > 0; i--) {
        pid_t pid = fork();

        if (pid < 0)
            return 125;
        if (pid > 0)
            return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 125;
    }
    execvp(argv[2], argv + 2);
    return 127;
}
