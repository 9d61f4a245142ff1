/* SPDX-License-Identifier: ISC */
/*
 * Tickets that issue refuses because no rule of this host could ever permit them.
 */
#include "nhictl/ticket/issue_policy.h"
#include "libnhi/policy/rule_field.h"

#include <string.h>

#include "libnhi/check/facts.h"
#include "libnhi/ledger/ledger_policy.h"
#include "nhictl/policy/preview.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"

/* Where a login comes from, when, and beside how many others, is not known yet. */
static bool may_still_be_met(enum nhi_condition failed)
{
    return failed == NHI_COND_MET || failed >= NHI_COND_SOURCE;
}

/* Whether a rule could permit the request. closest: the rule whose first condition that cannot be met comes last;
 * forbids: a rule that always will forbid it. */
static bool could_permit(const struct nhi_request *req, const struct nhi_facts *f, const struct nhi_rule **closest,
                         const struct nhi_rule **forbids)
{
    enum nhi_condition best = NHI_COND_MET;
    bool could = false;

    for (size_t i = 0; i < f->rule_count; i++) {
        const struct nhi_rule *r = &f->rules[i];
        enum nhi_condition failed = nhi_rule_fails(r, req, f);

        if (r->forbid) {
            bool always = r->net_count == 0 && !r->local && !r->unix_socket && r->days == 0 && r->hours_count == 0 &&
                          r->max_age == 0;

            if (always && failed == NHI_COND_MET && *forbids == NULL)
                *forbids = r;
            continue;
        }
        could = could || may_still_be_met(failed);
        if (!may_still_be_met(failed) && failed > best) {
            best = failed;
            *closest = r;
        }
    }
    return could && *forbids == NULL;
}

static int refuse(struct ctl *c, const struct nhi_request *req, const struct nhi_facts *f,
                  const struct nhi_rule *closest, const struct nhi_rule *forbids)
{
    const char *hint = "nhictl apply, once a file in /etc/nhi/policy.d permits it";

    if (forbids != NULL)
        return ctl_fail(c, CTL_REFUSED, "nhictl policy check", "rule %s forbids account %s through %s", forbids->name,
                        req->subject, req->service);
    if (closest == NULL)
        return ctl_fail(c, CTL_REFUSED, hint, "no rule could permit account %s through %s", req->subject, req->service);
    return ctl_fail(c, CTL_REFUSED, hint,
                    "no rule could permit account %s through %s; rule %s comes closest, but its %s does not match",
                    req->subject, req->service, closest->name, nhi_condition_name(nhi_rule_fails(closest, req, f)));
}

static int check_door(struct ctl *c, const struct preview *p, const struct preview_case *of)
{
    const struct nhi_rule *closest = NULL, *forbids = NULL;
    struct nhi_request req;

    /* An account that does not resolve was reported earlier. */
    if (preview_request(p, of, &req) != NHI_OK)
        return CTL_DONE;
    if (could_permit(&req, of->facts, &closest, &forbids))
        return CTL_DONE;
    return refuse(c, &req, of->facts, closest, forbids);
}

static int check_doors(struct ctl *c, const struct preview *p, const struct nhi_ticket *t, const struct nhi_facts *f)
{
    char account[NHI_LIST_MAX + 1], service[NHI_LIST_MAX + 1];
    const struct preview_case of = { t, f, account, service };
    const char *a = t->accounts, *v;
    int code = CTL_DONE;

    while (code == CTL_DONE && (a = nhi_list_next(a, account)) != NULL)
        for (v = t->services; code == CTL_DONE && (v = nhi_list_next(v, service)) != NULL;)
            code = check_door(c, p, &of);
    return code;
}

int issue_policy(struct ctl *c, struct store *s, const struct nhi_ticket *t)
{
    struct nhi_facts f = { .rules = NULL };
    struct preview p;
    enum nhi_err err = NHI_OK;
    int code;

    if (strcmp(t->host, s->set.host) != 0)
        return CTL_DONE;
    code = preview_begin(c, s, PREVIEW_EVER, &p);
    if (code == CTL_DONE)
        code = preview_ticket(&p, t, &f);
    /* All rules: one for another agent may be the closest. */
    if (code == CTL_DONE)
        err = nhi_policy_load(s->l, 0, c->now, &f.rules, &f.rule_count);
    if (err != NHI_OK)
        code = store_fail(c, s, err, "read the policy");
    if (code == CTL_DONE)
        code = check_doors(c, &p, t, &f);
    nhi_facts_free(&f);
    preview_end(&p);
    return code;
}

int issue_policy_by_task(struct ctl *c, struct store *s, bool *by_task)
{
    struct nhi_facts f = { .rules = NULL };
    enum nhi_err err = nhi_policy_load(s->l, 0, c->now, &f.rules, &f.rule_count);

    *by_task = false;
    for (size_t i = 0; err == NHI_OK && i < f.rule_count; i++)
        *by_task = *by_task || f.rules[i].tasks[0] != '\0';
    nhi_facts_free(&f);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the policy");
}
