/* SPDX-License-Identifier: ISC */
#include "pam_nhi/standing.h"

static bool is(enum nhi_presence s)
{
    return s == NHI_PRESENT;
}

static bool is_hidden(enum nhi_presence s)
{
    return s == NHI_UNREADABLE_LIMIT;
}

static bool is_blind(enum nhi_presence s)
{
    return s == NHI_UNREADABLE_LIMIT || s == NHI_UNREADABLE;
}

static enum pnhi_standing of_login(const struct pnhi_marks *m)
{
    if (is_blind(m->grant))
        return PNHI_HIDDEN;
    return is(m->uid) || is(m->only) || is(m->grant) || is(m->key) ? PNHI_OURS : PNHI_NOT_OURS;
}

static enum pnhi_standing of_root(const struct pnhi_marks *m)
{
    if (is(m->session))
        return m->over ? PNHI_LEFT : PNHI_GOES_ON;
    return is(m->loginuid) || is(m->cgroup) ? PNHI_LEFT : PNHI_NOT_OURS;
}

static enum pnhi_standing of_caller(const struct pnhi_marks *m)
{
    if (is(m->uid) || is(m->loginuid) || is(m->cgroup) || is(m->session) || is(m->grant))
        return PNHI_OURS;
    if (is_hidden(m->uid) || is_hidden(m->loginuid) || is_hidden(m->cgroup) || is_hidden(m->session))
        return PNHI_HIDDEN;
    if (is(m->target) || is(m->only))
        return PNHI_OURS;
    return is_hidden(m->target) || is_hidden(m->only) ? PNHI_HIDDEN : PNHI_NOT_OURS;
}

enum pnhi_standing pnhi_standing(const struct pnhi_marks *m)
{
    if (m->program == PNHI_LOGIN)
        return of_login(m);
    return m->root ? of_root(m) : of_caller(m);
}
