/* SPDX-License-Identifier: ISC */
/*
 * The entry points of pam_nhi: each parses the options, finds out who is calling, and makes one call.
 */
#include <security/pam_modules.h>

#include "libnhi/base/phase.h"
#include "pam_nhi/phases.h"
#include "pam_nhi/report.h"

#define EXPORT __attribute__((visibility("default")))

typedef int (*phase_fn)(pam_handle_t *, const struct pnhi_options *, struct pnhi_caller *);

static int enter(pam_handle_t *pamh, int argc, const char **argv, enum pnhi_phase phase, phase_fn fn)
{
    struct pnhi_options options;
    struct pnhi_caller caller;
    int rc = pnhi_refused(phase);

    if (!pnhi_options_parse(pamh, argc, argv, &options))
        return rc;
    nhi_phase_begin();
    if (pnhi_caller_find(pamh, &options, &caller) == PAM_SUCCESS)
        rc = fn(pamh, &options, &caller);
    nhi_phase_end();
    pnhi_limits_put_back(&caller.limits);
    return rc;
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return enter(pamh, argc, argv, PNHI_AUTH, pnhi_authenticate);
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return enter(pamh, argc, argv, PNHI_ACCOUNT, pnhi_account);
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return enter(pamh, argc, argv, PNHI_CRED, (flags & PAM_DELETE_CRED) != 0 ? pnhi_let_go : pnhi_establish);
}

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return enter(pamh, argc, argv, PNHI_SESSION, pnhi_open);
}

EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return enter(pamh, argc, argv, PNHI_SESSION, pnhi_close);
}

EXPORT int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return enter(pamh, argc, argv, PNHI_PASSWORD, pnhi_password);
}
