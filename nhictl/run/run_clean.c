/* SPDX-License-Identifier: ISC */
/*
 * What the command of nhictl run does not inherit from the caller, besides what run_command.c replaces: capabilities, a
 * priority or limits that only root can give, protection from the OOM killer, ignored signals.
 *
 * What anybody may choose is passed on: an administrator's nice(1), LimitNOFILE= of a unit, a umask. No PAM session is
 * opened: this is not a login, and a module that starts things for one would start them outside of what nhictl run
 * ends.
 */
#include "nhictl/run/run_clean.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIKE_OTHERS "0" /* for the OOM killer: the same as others */

static void default_signals(void)
{
    struct sigaction normal = { .sa_handler = SIG_DFL };
    sigset_t none;

    /* The C library reserves two of the numbers, and two cannot be set. */
    for (int sig = 1; sig <= SIGRTMAX; sig++)
        (void)sigaction(sig, &normal, NULL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Batch and idle are lower than normal. */
static bool ordinary_priority(void)
{
    static const struct sched_param param = { .sched_priority = 0 };
    int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, before, io;

    if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE &&
        sched_setscheduler(0, SCHED_OTHER, &param) != 0)
        return false;
    errno = 0;
    before = getpriority(PRIO_PROCESS, 0);
    if (before < 0 && setpriority(PRIO_PROCESS, 0, 0) != 0)
        return false;
    io = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
    return io < 0 || IOPRIO_PRIO_CLASS(io) != IOPRIO_CLASS_RT || syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0) == 0;
}

static bool ordinary_to_oom(void)
{
    int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    char text[8] = "";
    bool is = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 &&
              (text[0] != '-' || write(fd, LIKE_OTHERS, strlen(LIKE_OTHERS)) > 0);

    if (fd >= 0)
        close(fd);
    return is;
}

/* No limit is higher than that of everything else on this host. */
static bool ordinary_limits(void)
{
    for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
        struct rlimit init, own;

        if (getrlimit((__rlimit_resource_t)i, &own) != 0 || prlimit(1, (__rlimit_resource_t)i, NULL, &init) != 0)
            return false;
        /* RLIM_INFINITY is the greatest number. */
        if (own.rlim_max <= init.rlim_max)
            continue;
        own.rlim_max = init.rlim_max;
        if (own.rlim_cur > own.rlim_max)
            own.rlim_cur = own.rlim_max;
        if (setrlimit((__rlimit_resource_t)i, &own) != 0)
            return false;
    }
    return true;
}

bool run_clean_start(void)
{
    default_signals();
    /* If it is locked, it is locked for all processes from this one down. */
    (void)prctl(PR_SET_SECUREBITS, 0);
    return ordinary_priority() && ordinary_to_oom() && ordinary_limits();
}

bool run_drop_capabilities(void)
{
    struct __user_cap_header_struct who = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { .effective = 0 } };

    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 && syscall(SYS_capset, &who, none) == 0;
}
