/* SPDX-License-Identifier: ISC */
#include "libnhi/check/refusal.h"

#include <string.h>

void nhi_refusal_name(struct nhi_refusal *r, const struct nhi_verdict *v)
{
    r->reason = v->reason;
    if (v->verified) {
        memcpy(r->agent, v->ticket.agent, sizeof(r->agent));
        memcpy(r->task, v->ticket.task, sizeof(r->task));
        memcpy(r->jti, v->ticket.jti, sizeof(r->jti));
        memcpy(r->issuer, v->ticket.kid, sizeof(r->issuer));
    } else {
        memcpy(r->kid, v->kid, sizeof(r->kid));
    }
}
