/* SPDX-License-Identifier: ISC */
/*
 * Refusals without a record of their own become events: who, why, how often, from when to when.
 */
#include "libnhi/ledger/fold_refused.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/grant/refused.h"
#include "libnhi/ledger/event.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/policy/reason.h"

#define DETAIL_MAX 1024

struct refused_fold {
    struct nhi_ledger *ledger;
    int64_t now;
    enum nhi_err err;
    uint32_t told;
};

/* Each value is a time, a number or a name, and none of their grammars allows quotes or backslashes. */
static void put_detail(const struct nhi_refused *r, char out[DETAIL_MAX])
{
    char first[NHI_TIME_LEN + 1] = "", last[NHI_TIME_LEN + 1] = "";
    size_t len;

    (void)!nhi_time_format(r->of.at, first);
    (void)!nhi_time_format(r->last, last);
    len = (size_t)snprintf(out, DETAIL_MAX, "{\"count\":%llu,\"first\":\"%s\",\"last\":\"%s\"",
                           (unsigned long long)r->count, first, last);
    for (size_t i = 0; i < r->from_count; i++)
        len += (size_t)snprintf(out + len, DETAIL_MAX - len, "%s\"%s\"", i == 0 ? ",\"from\":[" : ",", r->from[i]);
    if (r->from_count > 0)
        len += (size_t)snprintf(out + len, DETAIL_MAX - len, "]");
    if (r->of.kid[0] != '\0')
        len += (size_t)snprintf(out + len, DETAIL_MAX - len, ",\"claims_issuer\":\"%s\"", r->of.kid);
    if (r->of.key[0] != '\0')
        len +=
            (size_t)snprintf(out + len, DETAIL_MAX - len, ",\"key\":\"%s\",\"possession\":\"not proven\"", r->of.key);
    snprintf(out + len, DETAIL_MAX - len, "}");
}

static enum nhi_err add_one(struct refused_fold *t, const struct nhi_refused *r)
{
    struct nhi_event e = { .at = r->last };
    struct nhi_agent agent;
    char detail[DETAIL_MAX];
    bool folded = false;
    enum nhi_err err;

    snprintf(e.kind, sizeof(e.kind), "refused");
    memcpy(e.agent, r->of.agent, sizeof(e.agent));
    /* An account with an agent's name can only be that agent's own. */
    if (e.agent[0] == '\0' && nhi_name_is_agent(r->of.account) &&
        nhi_agent_get(t->ledger, r->of.account, &agent) == NHI_OK)
        memcpy(e.agent, agent.account.name, sizeof(e.agent));
    memcpy(e.task, r->of.task, sizeof(e.task));
    memcpy(e.jti, r->of.jti, sizeof(e.jti));
    memcpy(e.kid, r->of.issuer, sizeof(e.kid));
    memcpy(e.account, r->of.account, sizeof(e.account));
    memcpy(e.service, r->of.service, sizeof(e.service));
    snprintf(e.source, sizeof(e.source), "%s", r->of.key[0] != '\0' ? nhi_source_name(NHI_FROM_KEY) : "");
    snprintf(e.from, sizeof(e.from), "%s", r->from_count > 0 ? r->from[r->from_count - 1] : "");
    snprintf(e.decision, sizeof(e.decision), "deny");
    snprintf(e.reason, sizeof(e.reason), "%s", nhi_reason_name(r->of.reason));
    memcpy(e.record, r->record, sizeof(e.record));
    put_detail(r, detail);
    e.detail = detail;
    err = nhi_event_fold(t->ledger, &e, false, &folded);
    t->told += folded;
    return err;
}

static int add_all(const struct nhi_refused *all, size_t count, void *ctx)
{
    struct refused_fold *t = ctx;

    t->err = nhi_ledger_begin(t->ledger, t->now);
    if (t->err != NHI_OK)
        return 1;
    /* A count of 0: the hour has passed, and all of it was recorded. */
    for (size_t i = 0; i < count && t->err == NHI_OK; i++)
        if (all[i].count > 0)
            t->err = add_one(t, &all[i]);
    if (t->err == NHI_OK)
        t->err = nhi_ledger_commit(t->ledger);
    else
        nhi_ledger_rollback(t->ledger);
    return t->err != NHI_OK;
}

enum nhi_err nhi_fold_refused(const char *run_dir, struct nhi_ledger *l, int64_t now, uint32_t *told)
{
    struct refused_fold t = { .ledger = l, .now = now, .err = NHI_OK };
    enum nhi_err err = nhi_refused_take(run_dir, now, add_all, &t);

    if (err == NHI_ERR_NOT_FOUND || err == NHI_ERR_FORMAT || err == NHI_ERR_BUSY)
        err = NHI_OK;
    if (err == NHI_OK)
        err = t.err;
    if (err == NHI_OK && told != NULL)
        *told = t.told;
    return err;
}
