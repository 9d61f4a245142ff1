/* SPDX-License-Identifier: ISC */
/*
 * MUST: nothing of the caller's runs under raised limits: a prompt, or a program of the caller's, comes after
 * pnhi_limits_put_back.
 */
#include "pam_nhi/limits.h"

#include <string.h>
#include <time.h>

#define FILES_MAX (1 << 20) /* the default of fs.nr_open */
/* What a host program has opened itself is far less. */
#define FILES_ENOUGH 4096

#define FILE_LIMITS 2 /* the first ones */
static const struct {
    int of;
    rlim_t enough, to;
} limits[PNHI_LIMITS] = {
    { RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY }, { RLIMIT_NOFILE, FILES_ENOUGH, FILES_MAX },
    { RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY },    { RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY },
    { RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY },
};

/* enough: it is high enough now. */
static bool raise_one(size_t i, struct rlimit *had, bool *enough)
{
    const __rlimit_resource_t of = (__rlimit_resource_t)limits[i].of;
    struct rlimit more = { limits[i].to, limits[i].to };

    *enough = false;
    if (getrlimit(of, had) != 0)
        return false;
    *enough = had->rlim_cur >= limits[i].enough;
    if (*enough)
        return false;
    if (had->rlim_max < limits[i].to && setrlimit(of, &more) == 0) {
        *enough = true;
        return true;
    }
    more.rlim_cur = more.rlim_max = had->rlim_max;
    *enough = more.rlim_cur >= limits[i].enough;
    return setrlimit(of, &more) == 0;
}

static void raise_first(struct pnhi_limits *l, size_t count)
{
    sigset_t too_big, pending;
    bool enough, grows = false;

    memset(l, 0, sizeof(*l));
    l->raised = true;
    for (size_t i = 0; i < count; i++) {
        l->changed[i] = raise_one(i, &l->had[i], &enough);
        if (limits[i].of == RLIMIT_FSIZE)
            grows = enough && (l->changed[i] || l->had[i].rlim_cur == RLIM_INFINITY);
    }
    if (grows)
        return;
    sigemptyset(&too_big);
    sigaddset(&too_big, SIGXFSZ);
    l->waited = sigpending(&pending) != 0 || sigismember(&pending, SIGXFSZ) != 0;
    l->masked = pthread_sigmask(SIG_BLOCK, &too_big, &l->mask) == 0;
}

void pnhi_limits_raise(struct pnhi_limits *l)
{
    raise_first(l, PNHI_LIMITS);
}

void pnhi_limits_raise_files(struct pnhi_limits *l)
{
    raise_first(l, FILE_LIMITS);
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
