/* SPDX-License-Identifier: ISC */
/*
 * That the end of each session's processes is reported, and reported once.
 * Invariant: 21.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "libnhi/session/session_end.h"
#include "libnhi/session/session_list.h"

/* The one session there is: whether it is registered, and what a look finds. */
static bool registered;
static size_t found_gone;

static bool fake_is_registered(const char *run_dir, const char *handle)
{
    (void)run_dir;
    (void)handle;
    return registered;
}

static enum nhi_err fake_sweep_of(const char *run_dir, const char (*handles)[NHI_TREE_MAX + 1], size_t count)
{
    (void)run_dir;
    (void)handles;
    (void)count;
    return NHI_OK;
}

#define nhi_session_is_registered fake_is_registered
#define nhi_session_sweep_of fake_sweep_of
#include "nhictl/watch/session_pidfds.c" /* NOLINT: nhictl is a program, and no library of one */

enum nhi_err sessions_find(struct sessions *s)
{
    s->gone = found_gone;
    return NHI_OK;
}

void sessions_free(struct sessions *s)
{
    memset(s, 0, sizeof(*s));
}

enum nhi_err procs_scan(struct procs *p)
{
    (void)p;
    return NHI_OK;
}

void procs_free(struct procs *p)
{
    (void)p;
}

enum nhi_err session_members(const struct session *s, const struct procs *p, struct members *m)
{
    (void)s;
    (void)p;
    (void)m;
    return NHI_OK;
}

void members_free(struct members *m)
{
    (void)m;
}

int procs_open(const struct nhi_proc *p)
{
    return (int)syscall(SYS_pidfd_open, p->pid, 0);
}

/* A process that sleeps until it is killed, or we end. */
static pid_t begin_process(void)
{
    pid_t pid = fork();

    if (pid == 0)
        for ((void)prctl(PR_SET_PDEATHSIG, SIGKILL);;)
            (void)pause();
    assert_true(pid > 0);
    return pid;
}

static void end_process(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Follows the session of a new process. */
static pid_t begin_session(struct session_pidfds *l)
{
    struct session one = { .handle = "p-00000000-1-1" };
    const struct sessions s = { .all = &one, .count = 1 };

    one.g.self.pid = begin_process();
    registered = true;
    found_gone = 0;
    assert_int_equal(session_pidfds_open(l), NHI_OK);
    assert_true(session_pidfds_add(l, &s));
    return one.g.self.pid;
}

/* Another process, as the one that archives, has copies of our descriptors. */
static void a_copy_elsewhere(void **state)
{
    struct session_pidfds l = { .wait = -1 };
    pid_t inside = begin_session(&l), other = begin_process();

    (void)state;
    end_process(inside);
    assert_true(session_pidfds_take(&l));
    assert_false(session_pidfds_take(&l));
    end_process(other);
    session_pidfds_close(&l);
}

static void a_copy_of_one_that_is_dropped(void **state)
{
    const struct sessions none = { .count = 0 };
    struct session_pidfds l = { .wait = -1 };
    pid_t inside = begin_session(&l), other = begin_process();

    (void)state;
    assert_false(session_pidfds_follow(&l, &none));
    end_process(inside);
    assert_false(session_pidfds_take(&l));
    end_process(other);
    session_pidfds_close(&l);
}

/* Its last process was there when it was swept, and not when another was looked for. */
static void gone_after_the_sweep(void **state)
{
    struct session_pidfds l = { .wait = -1 };
    pid_t inside = begin_session(&l);

    (void)state;
    end_process(inside);
    assert_true(session_pidfds_take(&l));
    found_gone = 1;
    assert_false(session_pidfds_mend(&l));
    assert_int_equal(l.count, 1);
    registered = false;
    assert_true(session_pidfds_mend(&l));
    assert_int_equal(l.count, 0);
    session_pidfds_close(&l);
}

/* It ended before it was followed: it is swept with those whose process ended, and the others are left alone. */
static void gone_before_it_was_followed(void **state)
{
    static const char handles[][SESSION_HANDLE_MAX + 1] = { "p-00000000-2-2", "p-00000000-1-1" };
    const struct sessions fresh = { .handles = handles, .handle_count = 2 };
    struct session_pidfds l = { .wait = -1 };
    pid_t inside = begin_session(&l);

    (void)state;
    assert_true(session_pidfds_lose(&l, &fresh));
    assert_true(session_pidfds_lose(&l, &fresh));
    assert_int_equal(l.count, 2);
    found_gone = 1;
    assert_false(session_pidfds_mend(&l));
    assert_int_equal(l.count, 2);
    registered = false;
    assert_true(session_pidfds_mend(&l));
    assert_int_equal(l.count, 1);
    end_process(inside);
    assert_true(session_pidfds_take(&l));
    session_pidfds_close(&l);
}

/* Of another PID namespace: no later look would find more. */
static void elsewhere(void **state)
{
    struct session_pidfds l = { .wait = -1 };
    pid_t inside = begin_session(&l);

    (void)state;
    end_process(inside);
    assert_true(session_pidfds_take(&l));
    assert_true(session_pidfds_mend(&l));
    assert_int_equal(l.count, 0);
    session_pidfds_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_elsewhere),
        cmocka_unit_test(a_copy_of_one_that_is_dropped),
        cmocka_unit_test(gone_after_the_sweep),
        cmocka_unit_test(gone_before_it_was_followed),
        cmocka_unit_test(elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
