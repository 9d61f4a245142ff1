/* SPDX-License-Identifier: ISC */
/*
 * Look-ups of this host: the recorded facts, its records of use, its sessions and its accounts.
 */
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/check/facts.h"
#include "libnhi/check/gather.h"
#include "libnhi/grant/grant.h"
#include "libnhi/grant/grant_hour.h"
#include "libnhi/ledger/heartbeat.h"
#include "libnhi/session/session_list.h"

static enum nhi_err ticket(const struct nhi_moment *m, void *ctx, const struct nhi_ticket *t, struct nhi_facts *f)
{
    (void)ctx;
    return nhi_facts_load(&m->from, t, f);
}

static enum nhi_err rules(const struct nhi_moment *m, void *ctx, const struct nhi_request *r, struct nhi_facts *f)
{
    (void)ctx;
    return nhi_facts_rules(&m->from, r->ticket->agent, r, m->now, f);
}

static enum nhi_err namesake(const struct nhi_moment *m, void *ctx, const char *account, uint32_t *uid)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_AGENT, account);
    struct nhi_fact_agent a;
    struct nhi_value v;
    enum nhi_err err = m->from.get(m->from.ctx, &key, &v);

    (void)ctx;
    if (err == NHI_OK)
        err = nhi_fact_get_agent(&v, &a);
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return err;
    *uid = err == NHI_OK ? a.uid : 0;
    return NHI_OK;
}

static bool superseded(void *ctx, const char *jti)
{
    (void)ctx;
    return nhi_grant_is_superseded(NHI_STATE_DIR, jti);
}

/* For a decision that is made again, the account of that time counts, not the process that asks now. */
static enum nhi_err account(void *ctx, const struct nhi_request *r, const struct nhi_facts *f,
                            struct nhi_host_account *out)
{
    (void)ctx;
    (void)f;
    return nhi_host_account_of(r->subject, r->subject_uid, !r->granted, out);
}

static enum nhi_err pin(void *ctx, const char *kid, const char *jti, enum nhi_pin kind, char place[NHI_PLACE_MAX + 1])
{
    (void)ctx;
    return nhi_grant_pinned(NHI_STATE_DIR, kid, jti, kind, place);
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

/* Sessions of other rules are not looked at, and its own only if they may be too many. */
static enum nhi_err sessions(void *ctx, const char *rule, uint32_t most, uint32_t *n)
{
    const struct nhi_session_about about = { .rule = rule };
    struct sessions_of of = { rule, 0 };
    enum nhi_err err;

    (void)ctx;
    if (nhi_session_index_count(NHI_RUN_DIR, rule, &of.n) == NHI_OK && of.n < most) {
        *n = of.n;
        return NHI_OK;
    }
    of.n = 0;
    err = nhi_session_each_about(NHI_RUN_DIR, &about, count_session, &of);
    if (err == NHI_OK)
        *n = of.n;
    return err;
}

static enum nhi_err grants(void *ctx, const char *rule, int64_t now, uint32_t *n)
{
    (void)ctx;
    return nhi_grant_count(NHI_STATE_DIR, rule, now, n);
}

static bool supervised(void *ctx)
{
    (void)ctx;
    return nhi_heartbeat_is_live(NHI_RUN_DIR);
}

const struct nhi_lookups nhi_lookups_of_host = {
    .ticket = ticket,
    .rules = rules,
    .namesake = namesake,
    .superseded = superseded,
    .account = account,
    .pin = pin,
    .sessions = sessions,
    .grants = grants,
    .supervised = supervised,
};
