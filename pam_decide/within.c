/* SPDX-License-Identifier: ISC */
#include "pam_decide/within.h"

#include "libnhi/check/check.h"

enum nhi_reason pnhi_within_look(const struct nhi_grant *session)
{
    struct nhi_moment m = { .state = NULL };
    struct nhi_verdict v;

    nhi_moment_open(&m);
    nhi_check_session(&m, session, 0, &v);
    nhi_moment_close(&m);
    return v.reason;
}
