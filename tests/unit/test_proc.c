/* SPDX-License-Identifier: ISC */
/*
 * Processes as the kernel shows them: which have ended, and that none is missed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "libnhi/session/session.h"

#define MANY 300 /* more than a buffer of entries holds */

static void *stay(void *unused)
{
    (void)unused;
    alarm(60); /* a test that fails does not end it */
    for (;;)
        pause();
    return NULL;
}

static bool is_gone_but_for_the_rest(pid_t pid)
{
    siginfo_t info;

    /* Its first thread is a zombie by now, or the process is. */
    info.si_pid = 0;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

static void first_thread_ends(void **state)
{
    struct nhi_proc_stat p;
    char path[64], text[256];
    int ready[2], status;
    pthread_t other;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        if (pthread_create(&other, NULL, stay, NULL) != 0)
            _exit(1);
        close(ready[0]);
        close(ready[1]);
        (void)syscall(SYS_exit, 0);
    }
    close(ready[1]);
    (void)!read(ready[0], path, 1);
    close(ready[0]);
    /* The kernel shows Z for it, with the other thread alive. */
    for (text[0] = 0; strchr(text, 'Z') == NULL;) {
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        f = fopen(path, "re");
        assert_non_null(f);
        while (fgets(text, sizeof(text), f) != NULL && strncmp(text, "State:", 6) != 0)
            ;
        fclose(f);
    }
    assert_true(is_gone_but_for_the_rest(pid));
    assert_int_equal(nhi_proc_stat(pid, &p), NHI_OK);
    assert_false(p.ended);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
    assert_int_equal(nhi_proc_stat(pid, &p), NHI_OK);
    assert_true(p.ended);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(nhi_proc_stat(pid, &p), NHI_ERR_NOT_FOUND);
}

struct seen {
    const pid_t *mine;
    int count, stop_after;
    pid_t last;
};

static int see(pid_t pid, void *ctx)
{
    struct seen *s = ctx;

    assert_true(pid > s->last);
    s->last = pid;
    for (int i = 0; i < MANY; i++)
        s->count += s->mine[i] == pid;
    return s->stop_after > 0 && --s->stop_after == 0;
}

static void each(void **state)
{
    pid_t mine[MANY];
    struct seen s = { .mine = mine };

    (void)state;
    for (int i = 0; i < MANY; i++) {
        mine[i] = fork();
        if (mine[i] == 0)
            (void)stay(NULL);
        assert_true(mine[i] > 0);
    }
    assert_int_equal(nhi_proc_each(see, &s), NHI_OK);
    assert_int_equal(s.count, MANY);
    s = (struct seen){ .mine = mine, .stop_after = 1 };
    assert_int_equal(nhi_proc_each(see, &s), NHI_OK);
    assert_int_equal(s.stop_after, 0);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(kill(mine[i], SIGKILL), 0);
        assert_int_equal(waitpid(mine[i], NULL, 0), mine[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_thread_ends),
        cmocka_unit_test(each),
    };

    return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
