#include "nhictl/policy/preview.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_facts.h"
#include "libnhi/reserve/reserve.h"
#include "nhictl/end/local_account.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"

int judge_facts(struct ctl *c, struct store *s, const struct nhi_ticket *t, enum judge_rules rules,
                struct nhi_facts *facts)
{
    struct nhi_reserve *reserve = malloc(sizeof(*reserve));
    enum nhi_err err;

    if (reserve == NULL)
        return ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
    err = rules == JUDGE_RULES ? nhi_facts_load(s->l, t, NULL, c->now, facts) : nhi_facts_load_bare(s->l, t, facts);
    if (err == NHI_OK) {
        if (nhi_reserve_load(NHI_STATE_DIR, reserve) == NHI_OK)
            nhi_reserve_apply(reserve, t, facts);
        else
            facts->lockdown = true; /* as pam_nhi reads it */
    }
    free(reserve);
    /* A matter of the moment, and of none that is asked about here. */
    facts->unsupervised = false;
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read what the decision needs");
}

enum nhi_err judge_request(const struct ctl *c, const struct store *s, const struct nhi_ticket *t,
                           const struct nhi_facts *f, const char *account, const char *service, struct nhi_request *out)
{
    struct nhi_local local = { .uid = 0 };
    enum nhi_err err = local_by_name(c, account, &local);

    /* The agent's own account resolves on a host where nss_nhi is not installed yet, too. */
    if (err == NHI_ERR_NOT_FOUND && strcmp(account, t->agent) == 0 && f->agent_known) {
        local.uid = f->agent_uid;
        local.privileged = false;
        err = NHI_OK;
    }
    if (err != NHI_OK)
        return err;
    *out = (struct nhi_request){
        .now = c->now,
        .service = service,
        .subject = account,
        .subject_uid = local.uid,
        .subject_privileged = local.privileged,
        .subject_in_range = local.uid >= s->set.uid_min && local.uid <= s->set.uid_max,
        .source = NHI_FROM_LEDGER,
        .from_unknown = true,
        .ticket = t,
        .key = t->has_cnf ? t->cnf : NULL,
    };
    return NHI_OK;
}

enum nhi_reason judge(struct ctl *c, const struct store *s, const struct nhi_ticket *t, const struct nhi_facts *facts,
                      const char *account, const char *service, enum judge_as as)
{
    struct nhi_facts f = *facts;
    struct nhi_rule rule = { .forbid = false };
    struct nhi_request req;

    if (judge_request(c, s, t, facts, account, service, &req) != NHI_OK ||
        nhi_facts_load_subject(s->l, account, &f) != NHI_OK)
        return NHI_DENY_SUBJECT;
    if (as == JUDGE_INSIDE)
        req.tree = f.tree;
    if (as == JUDGE_PERMITTED) {
        memcpy(rule.agents, t->agent, sizeof(t->agent));
        memcpy(rule.accounts, t->accounts, sizeof(rule.accounts));
        memcpy(rule.services, t->services, sizeof(rule.services));
        f.rules = &rule;
        f.rule_count = 1;
    }
    return nhi_decide(&req, &f).reason;
}
