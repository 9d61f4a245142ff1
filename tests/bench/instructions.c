/* SPDX-License-Identifier: ISC */
/*
 * The instructions in user mode of a command and its children, by the processor's counters.
 *
 *   instructions COMMAND...
 *
 * Prints the number on a line of its own after what the command printed. Exit status 3: this machine does not count
 * them, and the command was not run; otherwise that of the command.
 */
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct perf_event_attr attr = { .type = PERF_TYPE_HARDWARE,
                                    .size = sizeof(attr),
                                    .config = PERF_COUNT_HW_INSTRUCTIONS,
                                    .disabled = 1,
                                    .inherit = 1,
                                    .exclude_kernel = 1,
                                    .enable_on_exec = 1 };
    uint64_t count;
    int fd, go[2], status;
    char c = 0;
    pid_t pid;

    if (argc < 2 || pipe(go) != 0 || (pid = fork()) < 0)
        return 125;
    if (pid == 0) {
        close(go[1]);
        if (read(go[0], &c, 1) == 1) {
            close(go[0]);
            execvp(argv[1], argv + 1);
        }
        _exit(127);
    }
    close(go[0]);
    fd = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0) {
        close(go[1]);
        (void)waitpid(pid, &status, 0);
        return 3;
    }
    if (write(go[1], &c, 1) != 1 || waitpid(pid, &status, 0) != pid || read(fd, &count, sizeof(count)) != sizeof(count))
        return 125;
    printf("%llu\n", (unsigned long long)count);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
