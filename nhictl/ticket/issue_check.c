/* SPDX-License-Identifier: ISC */
/*
 * What issue refuses before it signs: requests that would only be denied later.
 */
#include "nhictl/ticket/issue_check.h"

#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/check/privileged.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/format.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/store.h"
#include "nhictl/store/unknown.h"

int issue_agent(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_agent *a)
{
    enum nhi_err err = nhi_agent_get(s->l, args->agent, a);

    if (err == NHI_ERR_NOT_FOUND)
        return unknown_agent(c, s, args->agent);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the agent");
    if (a->state == NHI_AGENT_SUSPENDED)
        return ctl_fail(c, CTL_REFUSED,
                        ctl_hint(c, "nhictl agent show %s, then nhictl agent resume %s", args->agent, args->agent),
                        "agent %s is suspended", args->agent);
    if (a->state != NHI_AGENT_ACTIVE)
        return ctl_fail(c, CTL_REFUSED, NULL, "agent %s is retired", args->agent);
    return CTL_DONE;
}

int issue_task(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_task *t)
{
    enum nhi_err err = nhi_task_get(s->l, args->task, t);

    if (err == NHI_ERR_NOT_FOUND)
        return ctl_fail(c, CTL_REFUSED,
                        ctl_hint(c, "nhictl task open %s --agent %s --until 2h", args->task, args->agent),
                        "there is no task '%s'", args->task);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the task");
    if (strcmp(t->agent, args->agent) != 0)
        return ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl task list --agent %s", args->agent),
                        "task %s is %s's, not %s's", t->id, t->agent, args->agent);
    if (t->state != NHI_TASK_OPEN || c->now >= t->deadline)
        return ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl task open %s-2 --agent %s --until 2h", t->id, args->agent),
                        t->state != NHI_TASK_OPEN ? "task %s is closed" : "task %s has passed its deadline", t->id);
    return CTL_DONE;
}

/* --ttl as a person would type it. */
static void ttl_hint(int64_t seconds, char *hint, size_t size)
{
    static const struct {
        int64_t seconds;
        char name;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    size_t i = 0;

    while (seconds % units[i].seconds != 0)
        i++;
    snprintf(hint, size, "--ttl %lld%c", (long long)(seconds / units[i].seconds), units[i].name);
}

/* A lifetime that the task or the key would cut short is refused, not shortened: the caller would get something else
 * than was asked for. */
int issue_ttl(struct ctl *c, const struct store *s, const struct nhi_ticket *t, const struct nhi_task *task,
              const struct nhi_issuer *key)
{
    char span[OUT_AGO_LEN], hint[64];
    int64_t ttl = t->exp - t->iat;

    if (s->set.max_lifetime != 0 && ttl > s->set.max_lifetime) {
        out_span(s->set.max_lifetime, span);
        ttl_hint(s->set.max_lifetime, hint, sizeof(hint));
        return ctl_fail(c, CTL_REFUSED, hint, "tickets of this host live %s at most", span);
    }
    if (ttl > key->max_ttl) {
        out_span(key->max_ttl, span);
        ttl_hint(key->max_ttl, hint, sizeof(hint));
        return ctl_fail(c, CTL_REFUSED, hint, "key %s signs tickets for %s at most", key->kid, span);
    }
    if (t->exp > task->deadline) {
        int64_t left = task->deadline - t->iat;

        out_span(left, span);
        ttl_hint(left, hint, sizeof(hint));
        if (left < 1)
            return ctl_fail(c, CTL_REFUSED, NULL, "task %s ends now", task->id);
        return ctl_fail(c, CTL_REFUSED, hint, "task %s has only %s left, less than the lifetime of the ticket",
                        task->id, span);
    }
    return CTL_DONE;
}

static int check_account(struct ctl *c, struct store *s, const struct issue_args *args, const char *name)
{
    struct nhi_host_account local;
    struct nhi_agent other;
    enum nhi_err err;
    bool own = strcmp(name, args->agent) == 0;

    err = nhi_agent_get(s->l, name, &other);
    if (err == NHI_OK && !own)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s is another agent's own account", name);
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return store_fail(c, s, err, "read the agents");
    err = nhi_host_account_by_name(name, &local);
    if (err == NHI_ERR_NOT_FOUND) {
        /* The agent's own account needs nss_nhi to resolve, which may be set up later. */
        if (own)
            return CTL_DONE;
        return ctl_fail(c, CTL_REFUSED, "getent passwd", "there is no account '%s' on this host", name);
    }
    if (err != NHI_OK)
        return store_fail(c, s, err, "look up the account");
    if (local.privileged)
        return ctl_fail(c, CTL_REFUSED, NULL, "account %s is privileged (%s): no ticket can name it", name,
                        local.because);
    if (local.blind[0] != '\0' && !local.goes_on)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not find out whether account %s is privileged: its groups: %s",
                        name, local.blind);
    if (!own && local.uid >= s->set.uid_min && local.uid <= s->set.uid_max)
        return ctl_fail(c, CTL_REFUSED, NULL, "account %s is in the agent range and does not belong to %s", name,
                        args->agent);
    return CTL_DONE;
}

int issue_accounts(struct ctl *c, struct store *s, const struct issue_args *args, const char *host)
{
    char name[NHI_LIST_MAX + 1];
    const char *at = args->accounts;
    int code = CTL_DONE;

    /* Another host checks its own accounts when the ticket is used there. */
    if (strcmp(host, s->set.host) != 0)
        return nhi_list_has(args->accounts, "root")
                   ? ctl_fail(c, CTL_REFUSED, NULL, "account root is privileged: no ticket can name it")
                   : CTL_DONE;
    while (code == CTL_DONE && (at = nhi_list_next(at, name)) != NULL)
        code = check_account(c, s, args, name);
    return code;
}

int issue_parent(struct ctl *c, struct store *s, const char *parent, int64_t *end)
{
    struct nhi_ticket_row row;
    int64_t last = INT64_MAX;
    enum nhi_err err;

    *end = last;
    if (parent[0] == '\0')
        return CTL_DONE;
    err = nhi_ticket_get(s->l, parent, &row);
    if (err == NHI_OK)
        err = nhi_ticket_lineage_end(s->l, row.root, &last);
    if (err == NHI_ERR_NOT_FOUND)
        return ctl_fail(c, CTL_REFUSED, "nhictl ticket list", "there is no ticket %s", parent);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the parent");
    if (row.revoked)
        return ctl_fail(c, CTL_REFUSED, NULL, "the parent %s is revoked, so its child would be revoked too", parent);
    *end = last;
    return CTL_DONE;
}

/* A given lifetime is refused, the default one is shortened. */
static int within_parent(struct ctl *c, const struct issue_args *args, int64_t end, struct nhi_ticket *t)
{
    int64_t left = end - t->iat;
    char span[OUT_AGO_LEN], hint[64];

    if (t->exp <= end)
        return CTL_DONE;
    if (left < 1)
        return ctl_fail(c, CTL_REFUSED, "nhictl ticket list", "the parent %s has ended, and its child would outlive it",
                        args->parent);
    if (args->ttl == 0) {
        t->exp = end;
        return CTL_DONE;
    }
    out_span(left, span);
    ttl_hint(left, hint, sizeof(hint));
    return ctl_fail(c, CTL_REFUSED, hint, "the parent %s has %s left, and its child may not outlive it", args->parent,
                    span);
}

int issue_within_parent(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_ticket *t)
{
    int64_t end;
    int code = issue_parent(c, s, args->parent != NULL ? args->parent : "", &end);

    return code == CTL_DONE ? within_parent(c, args, end, t) : code;
}

/* Only after this host's clock was set back. */
int issue_revoked_ahead(struct ctl *c, int64_t iat)
{
    char until[NHI_TIME_LEN + 1];

    if (nhi_time_format(iat, until) != NHI_OK)
        snprintf(until, sizeof(until), "later");
    return ctl_fail(c, CTL_REFUSED, NULL,
                    "tickets for this agent are revoked until %s: this host's clock was ahead when they were revoked",
                    until);
}
