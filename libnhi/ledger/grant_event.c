/* SPDX-License-Identifier: ISC */
/*
 * The event for a decision, as the trail has it.
 */
#include "libnhi/ledger/grant_event.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/ledger/event.h"
#include "libnhi/policy/reason.h"

static const char *kind_of(const struct nhi_grant *g)
{
    if (g->observed)
        return "observed";
    if (g->became)
        return "become";
    if (g->handed_off || g->reason == NHI_DENY_PIN)
        return "hand-off";
    return g->reason == NHI_PERMIT ? "grant" : "denial";
}

/* If the decision failed because the key was missing, nobody had proven it. */
static const char *proof_of(const struct nhi_grant *g)
{
    if (g->ticket.jti[0] == '\0' || g->reason == NHI_DENY_KEY)
        return "";
    return g->ticket.has_cnf ? "key" : "bearer";
}

void nhi_grant_event(const struct nhi_grant *g, struct nhi_event *e)
{
    memset(e, 0, sizeof(*e));
    e->at = g->at;
    snprintf(e->kind, sizeof(e->kind), "%s", kind_of(g));
    memcpy(e->agent, g->ticket.agent, sizeof(e->agent));
    memcpy(e->owner, g->owner, sizeof(e->owner));
    memcpy(e->task, g->ticket.task, sizeof(e->task));
    memcpy(e->jti, g->ticket.jti, sizeof(e->jti));
    memcpy(e->kid, g->ticket.kid, sizeof(e->kid));
    memcpy(e->account, g->subject, sizeof(e->account));
    memcpy(e->service, g->service, sizeof(e->service));
    snprintf(e->source, sizeof(e->source), "%s", nhi_source_name(g->source));
    snprintf(e->from, sizeof(e->from), "%s", g->rhost[0] != '\0' ? g->rhost : "local");
    if (!g->observed && !g->became)
        snprintf(e->decision, sizeof(e->decision), "%s", g->reason == NHI_PERMIT ? "permit" : "deny");
    if (!g->became)
        snprintf(e->reason, sizeof(e->reason), "%s", nhi_reason_name(g->reason));
    memcpy(e->rule, g->rule, sizeof(e->rule));
    memcpy(e->policy, g->policy, sizeof(e->policy));
    if (!g->became)
        snprintf(e->proof, sizeof(e->proof), "%s", proof_of(g));
    memcpy(e->record, g->id, sizeof(e->record));
    memcpy(e->within, g->within, sizeof(e->within));
}
