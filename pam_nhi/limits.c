/* SPDX-License-Identifier: ISC */
/*
 * MUST: nothing of the caller's runs under raised limits: a prompt, or a program of the caller's, comes after
 * pnhi_limits_put_back.
 */
#include "pam_nhi/limits.h"

#include <string.h>
#include <time.h>

#define FILES_MAX (1 << 20) /* the default of fs.nr_open */

static const struct {
    int of;
    rlim_t to;
} limits[PNHI_LIMITS] = {
    { RLIMIT_NOFILE, FILES_MAX },   { RLIMIT_FSIZE, RLIM_INFINITY }, { RLIMIT_AS, RLIM_INFINITY },
    { RLIMIT_DATA, RLIM_INFINITY }, { RLIMIT_CPU, RLIM_INFINITY },
};

static bool raise_one(int of, rlim_t to, struct rlimit *had)
{
    struct rlimit more = { to, to };

    if (getrlimit((__rlimit_resource_t)of, had) != 0 || had->rlim_cur >= to)
        return false;
    if (had->rlim_max < to && setrlimit((__rlimit_resource_t)of, &more) == 0)
        return true;
    more.rlim_max = had->rlim_max;
    more.rlim_cur = had->rlim_max;
    return setrlimit((__rlimit_resource_t)of, &more) == 0;
}

void pnhi_limits_raise(struct pnhi_limits *l)
{
    sigset_t too_big, pending;

    memset(l, 0, sizeof(*l));
    sigemptyset(&too_big);
    sigaddset(&too_big, SIGXFSZ);
    l->waited = sigpending(&pending) != 0 || sigismember(&pending, SIGXFSZ) != 0;
    l->masked = pthread_sigmask(SIG_BLOCK, &too_big, &l->mask) == 0;
    for (size_t i = 0; i < PNHI_LIMITS; i++)
        l->changed[i] = raise_one(limits[i].of, limits[i].to, &l->had[i]);
}

void pnhi_limits_put_back(struct pnhi_limits *l)
{
    const struct timespec now = { .tv_sec = 0 };
    sigset_t too_big;

    for (size_t i = 0; i < PNHI_LIMITS; i++)
        if (l->changed[i])
            (void)setrlimit((__rlimit_resource_t)limits[i].of, &l->had[i]);
    sigemptyset(&too_big);
    sigaddset(&too_big, SIGXFSZ);
    if (l->masked && !l->waited)
        (void)sigtimedwait(&too_big, NULL, &now);
    if (l->masked)
        (void)pthread_sigmask(SIG_SETMASK, &l->mask, NULL);
    memset(l, 0, sizeof(*l));
}
