/*
 * Facts that are in no ledger: pins, what is counted, the supervisor.
 */
#include "libnhi/check/check_facts.h"

#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/grant/grant.h"
#include "libnhi/grant/grant_hour.h"
#include "libnhi/ledger/heartbeat.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_list.h"

/* What cannot be read is a place where nobody is. */
void nhi_pins_load(const struct nhi_request *req, struct nhi_facts *f)
{
    bool recorded = f->root[0] != '\0';
    enum nhi_err err;

    err = nhi_grant_pinned(NHI_STATE_DIR, recorded ? f->root_kid : req->ticket->kid,
                           recorded ? f->root : req->ticket->jti, req->remote ? NHI_PIN_REMOTE : NHI_PIN_LOCAL, f->pin);
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        memcpy(f->pin, "?", 2);
}

struct sessions_of {
    const char *rule;
    uint32_t n;
};

static int count_session(const char *handle, const struct nhi_grant *g, bool alive, void *ctx)
{
    struct sessions_of *of = ctx;

    (void)handle;
    of->n += alive && strcmp(g->rule, of->rule) == 0;
    return 0;
}

/* What cannot be counted is full. */
void nhi_counts_load(int64_t now, struct nhi_facts *f)
{
    for (size_t i = 0; i < f->rule_count; i++) {
        struct nhi_rule *r = &f->rules[i];
        struct sessions_of of = { r->name, 0 };

        if (r->max_sessions != 0)
            r->sessions = nhi_session_each(NHI_RUN_DIR, count_session, &of) == NHI_OK ? of.n : UINT32_MAX / 2;
        if (r->max_grants != 0 && nhi_grant_count(NHI_STATE_DIR, r->name, now, &r->grants) != NHI_OK)
            r->grants = UINT32_MAX / 2;
    }
}

void nhi_supervisor_load(struct nhi_facts *f)
{
    f->unsupervised = f->unsupervised && !nhi_heartbeat_is_live(NHI_RUN_DIR);
}

void nhi_fit_load(enum nhi_fit fit, struct nhi_facts *f)
{
    f->rolled_back = fit == NHI_FIT_BEHIND;
    f->strange = fit != NHI_FIT_HERE && fit != NHI_FIT_BEHIND;
}
