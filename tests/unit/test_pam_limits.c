/* SPDX-License-Identifier: ISC */
/*
 * A caller of su or sudo chooses the limits under which it runs: they hide no denial, permit nothing that is not
 * recorded, and kill no program; and the caller never gets what the module raises.
 * Invariants: 1, 6, 11, 21.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/capability.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/grant/denials.h"
#include "libnhi/grant/refused.h"
#include "tests/lib/calls.h"

#define KILLED 97
#define CHANGED 98

static const struct limit {
    const char *name;
    int of;
    rlim_t to;
} limits[] = {
    { "no file size", RLIMIT_FSIZE, 0 }, { "little file size", RLIMIT_FSIZE, 100 },
    { "no files", RLIMIT_NOFILE, 0 },    { "three files", RLIMIT_NOFILE, 3 },
    { "no data", RLIMIT_DATA, 0 },       { "no time", RLIMIT_CPU, 1 },
    { "no processes", RLIMIT_NPROC, 0 }, { "no core", RLIMIT_CORE, 0 },
#ifndef __SANITIZE_ADDRESS__ /* which needs memory of its own, so that libpam cannot load a module under it */
    { "no memory", RLIMIT_AS, 0 },
#endif
};
#define LIMITS (sizeof(limits) / sizeof(limits[0]))

/* ---- in the child ---- */

static const struct limit *under;
static bool may_raise, is_hard, asked_under_another;

static void drop_raising(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &head, data) != 0)
        _exit(99);
    data[0].effective &= ~(1u << CAP_SYS_RESOURCE);
    data[0].permitted &= ~(1u << CAP_SYS_RESOURCE);
    if (syscall(SYS_capset, &head, data) != 0)
        _exit(99);
}

static bool is_under_it(void)
{
    struct rlimit r;

    return getrlimit((__rlimit_resource_t)under->of, &r) == 0 && r.rlim_cur == under->to &&
           (!is_hard || r.rlim_max == under->to);
}

static void set_limit(void)
{
    struct rlimit r;

    if (getrlimit((__rlimit_resource_t)under->of, &r) != 0)
        _exit(99);
    r.rlim_cur = under->to;
    if (is_hard)
        r.rlim_max = under->to;
    if (setrlimit((__rlimit_resource_t)under->of, &r) != 0)
        _exit(99);
    if (!may_raise)
        drop_raising();
}

static void see_asking(void)
{
    asked_under_another = !is_under_it();
}

static bool is_as_before(void)
{
    sigset_t mask, pending;

    return is_under_it() && !asked_under_another && sigprocmask(SIG_SETMASK, NULL, &mask) == 0 &&
           sigismember(&mask, SIGXFSZ) == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 0;
}

static int call_under(const struct limit *l, char *text)
{
    struct world_call c = { .service = "su",
                            .user = "ci-bot",
                            .ruser = "alice",
                            .ruid = WORLD_ALICE_UID,
                            .reply = text,
                            .before = set_limit,
                            .asking = see_asking };
    int status;
    pid_t pid;

    under = l;
    (void)fflush(stdout);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int rc = world_run_here(&c, WORLD_AUTH | WORLD_ACCOUNT, NULL);

        _exit(is_as_before() ? rc : CHANGED);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

/* ---- and its results ---- */

static int take(const struct nhi_denials *d, void *ctx)
{
    *(uint64_t *)ctx += d->total;
    return 0;
}

static uint64_t counted(void)
{
    uint64_t n = 0;

    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, &n), NHI_OK);
    return n;
}

static char *fresh_ticket(void **state, const char *services)
{
    struct nhi_ticket t = world_ticket();

    (void)fresh(state);
    nhi_denials_make(NHI_RUN_DIR);
    (void)nhi_refused_is_due(NHI_RUN_DIR, time(NULL));
    t = world_ticket();
    snprintf(t.services, sizeof(t.services), "%s", services);
    return world_mint(&t);
}

static void denied_under(void **state, const struct limit *l)
{
    char *text = fresh_ticket(state, "cron");
    int rc = call_under(l, text), records = world_records('d');
    uint64_t n = counted();
    const char *reason;

    nhi_text_free(text);
    reason = world_reason();
    /* libpam has a code of its own if it cannot reach the audit (pam_authenticate). */
    if (rc == PAM_SUCCESS || rc == KILLED || rc == CHANGED || strcmp(reason, "service") != 0 || records + (int)n != 1 ||
        ((may_raise || !is_hard) && records != 1))
        fail_msg("%s, %s, %s: %d, reason %s, %d records, %llu counted", l->name, is_hard ? "hard" : "soft",
                 may_raise ? "may be raised" : "may not", rc, reason, records, (unsigned long long)n);
}

/* Where it may be raised nothing depends on it, except what libpam itself does with so few files. */
static void permitted_under(void **state, const struct limit *l)
{
    char *text = fresh_ticket(state, "su");
    int rc = call_under(l, text), records = world_records('g');
    bool goes_on = (may_raise || !is_hard) && l->of != RLIMIT_NOFILE;

    nhi_text_free(text);
    if (rc == KILLED || rc == CHANGED || (rc == PAM_SUCCESS && records != 1) || (goes_on && rc != PAM_SUCCESS))
        fail_msg("%s, %s, %s: %d, %d records, reason %s", l->name, is_hard ? "hard" : "soft",
                 may_raise ? "may be raised" : "may not", rc, records, world_reason());
}

static void soft(void **state)
{
    may_raise = is_hard = false;
    for (size_t i = 0; i < LIMITS; i++) {
        denied_under(state, &limits[i]);
        permitted_under(state, &limits[i]);
    }
}

/* Under a limit that may not be raised nothing is permitted that is not recorded, and no process dies of it; with files
 * that must not grow, denials are in the log and counted. */
static void hard(void **state)
{
    may_raise = false;
    is_hard = true;
    for (size_t i = 0; i < LIMITS; i++) {
        if (limits[i].of == RLIMIT_FSIZE)
            denied_under(state, &limits[i]);
        permitted_under(state, &limits[i]);
    }
}

static bool can_raise(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];

    assert_int_equal(syscall(SYS_capget, &head, data), 0);
    return (data[0].effective & 1u << CAP_SYS_RESOURCE) != 0;
}

/* As on a host: root may raise it. */
static void hard_that_may_be_raised(void **state)
{
    if (!can_raise())
        skip(); /* a container without CAP_SYS_RESOURCE */
    may_raise = is_hard = true;
    for (size_t i = 0; i < LIMITS; i++) {
        denied_under(state, &limits[i]);
        permitted_under(state, &limits[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft),
        cmocka_unit_test(hard),
        cmocka_unit_test(hard_that_may_be_raised),
    };

    if (!world_enter())
        return 0;
    return cmocka_run_group_tests_name("pam_limits", tests, NULL, NULL);
}
