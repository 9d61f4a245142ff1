/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "libnhi/base/paths.h"
#include "libnhi/check/refusal.h"
#include "libnhi/grant/denials.h"
#include "libnhi/grant/refused.h"
#include "pam_nhi/count.h"
#include "pam_nhi/origin.h"

struct pnhi_times pnhi_count(const struct pnhi_caller *c, const struct nhi_verdict *v)
{
    struct pnhi_times times = { .counted = 0 };
    struct nhi_refusal r = { .known = v->verified };
    struct timespec ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return times;
    r.at = ts.tv_sec;
    snprintf(r.service, sizeof(r.service), "%s", nhi_name_is_service(c->service) ? c->service : "?");
    snprintf(r.account, sizeof(r.account), "%s", nhi_name_is_account(c->subject) ? c->subject : "?");
    if (pnhi_origin_is_address(c) && strlen(c->rhost) < sizeof(r.from))
        memcpy(r.from, c->rhost, strlen(c->rhost) + 1);
    nhi_refusal_name(&r, v);
    nhi_denials_add(NHI_RUN_DIR, v->reason, r.service, r.account, r.from, r.at);
    times.counted = nhi_refused_note(NHI_RUN_DIR, &r);
    return times;
}
