/* SPDX-License-Identifier: ISC */
/*
 * policy check: likely mistakes in rules that are well-formed.
 */
#include "nhictl/policy/policy.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/end/account_lookup.h"
#include "nhictl/policy/policy_cases.h"
#include "nhictl/policy/policy_read.h"
#include "nhictl/policy/shadow.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/format.h"
#include "nhictl/store/store.h"

struct check {
    struct ctl *c;
    struct store s;
    struct nhi_policy_conf conf;
    struct nhi_settings set;
    struct shadows shadows;
    size_t findings;
};

static void find(struct check *k, size_t i, const char *kind, const char *text)
{
    struct out_row *r = out_row_new(k->c->out);
    char where[80];

    snprintf(where, sizeof(where), "%s:%u", k->conf.where[i].file, k->conf.where[i].line);
    out_text(r, "where", "where", where);
    out_text(r, "rule", "rule", k->conf.rules[i].name);
    out_state(r, "kind", "kind", kind);
    out_text(r, "finding", "finding", text);
    out_table_row(k->c->out, r);
    k->findings++;
}

static void check_shadow(struct check *k, size_t i)
{
    const struct nhi_rule *other;
    char text[NHI_TASK_MAX + 80];
    size_t n;

    if (!shadow_find(&k->shadows, i, &n))
        return;
    other = &k->conf.rules[n];
    snprintf(text, sizeof(text), "rule %s already %s everything that it matches", other->name,
             other->forbid ? "forbids" : "permits");
    find(k, i, "shadowed", text);
}

/* ---- one rule alone ---- */

static void check_breadth(struct check *k, size_t i)
{
    const struct nhi_rule *r = &k->conf.rules[i];
    bool agents = r->owners[0] == '\0' && strcmp(r->agents, NHI_ANY) == 0;
    bool accounts = strcmp(r->accounts, NHI_ANY) == 0, services = strcmp(r->services, NHI_ANY) == 0;

    if (r->forbid)
        return;
    if (agents && accounts && services)
        find(k, i, "broad", "it permits every agent, every account and every service");
    else if (agents && accounts)
        find(k, i, "broad", "it permits every agent and every account");
    else if (agents && services)
        find(k, i, "broad", "it permits every agent and every service");
}

struct match {
    const struct nhi_rule *rule;
    bool any;
};

static int match_agent(const struct nhi_agent *a, void *ctx)
{
    struct match *m = ctx;
    struct nhi_rule r = { .accounts = NHI_ANY, .services = NHI_ANY };
    struct nhi_ticket t = { .kid = "" };
    struct nhi_facts f = { .host = "" };
    struct nhi_request req = { .subject = "x", .service = "x", .ticket = &t };

    memcpy(r.agents, m->rule->agents, sizeof(r.agents));
    memcpy(r.owners, m->rule->owners, sizeof(r.owners));
    memcpy(t.agent, a->account.name, strlen(a->account.name) + 1);
    memcpy(f.agent_owner, a->owner, sizeof(f.agent_owner));
    m->any = a->state != NHI_AGENT_RETIRED && nhi_rule_fails(&r, &req, &f) == NHI_COND_MET;
    return m->any;
}

/* An agent by its whole name is asked for; the others are looked through only if a pattern may match one. */
static enum nhi_err match_any(struct check *k, struct match *m)
{
    char word[NHI_LIST_MAX + 1];
    const char *at = m->rule->agents;
    bool patterns = at[0] == '\0';
    struct nhi_agent a;
    enum nhi_err err;

    while (!m->any && (at = nhi_list_next(at, word)) != NULL) {
        if (strpbrk(word, "*?") != NULL) {
            patterns = true;
            continue;
        }
        err = nhi_agent_get(k->s.l, word, &a);
        if (err == NHI_OK)
            (void)match_agent(&a, m);
        else if (err != NHI_ERR_NOT_FOUND)
            return err;
    }
    return m->any || !patterns ? NHI_OK : nhi_agent_each(k->s.l, match_agent, m);
}

static int check_agents(struct check *k, size_t i)
{
    struct match m = { &k->conf.rules[i], false };
    enum nhi_err err = match_any(k, &m);

    if (err != NHI_OK)
        return store_fail(k->c, &k->s, err, "read the agents");
    if (!m.any)
        find(k, i, "unmatched", "no registered agent can match it");
    return CTL_DONE;
}

static int check_accounts(struct check *k, size_t i)
{
    const struct nhi_rule *r = &k->conf.rules[i];
    char name[NHI_LIST_MAX + 1], text[NHI_LIST_MAX + 80];
    const char *at = r->accounts;
    struct nhi_host_account local;
    enum nhi_err err;

    while (strcmp(r->accounts, NHI_ANY) != 0 && (at = nhi_list_next(at, name)) != NULL) {
        struct nhi_agent a;

        err = account_by_name(k->c, name, &local);
        if (err == NHI_ERR_NOT_FOUND && nhi_agent_get(k->s.l, name, &a) == NHI_OK)
            err = NHI_OK;
        if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
            return store_fail(k->c, &k->s, err, "look up an account");
        snprintf(text, sizeof(text), "there is no account %s on this host", name);
        if (err == NHI_ERR_NOT_FOUND)
            find(k, i, "unmatched", text);
    }
    return CTL_DONE;
}

static void check_lifetime(struct check *k, size_t i)
{
    const struct nhi_rule *r = &k->conf.rules[i];
    char text[160], rules[OUT_AGO_LEN], house[OUT_AGO_LEN];

    if (k->set.max_lifetime == 0 || r->max_lifetime <= k->set.max_lifetime)
        return;
    out_span(r->max_lifetime, rules);
    out_span(k->set.max_lifetime, house);
    snprintf(text, sizeof(text), "max_lifetime %s is longer than the limit of this host (%s)", rules, house);
    find(k, i, "lifetime", text);
}

/* An account that people log in to may have the key in a file, and sshd takes its options from there. */
static void check_ssh(struct check *k, size_t i)
{
    const struct nhi_rule *r = &k->conf.rules[i];
    char name[NHI_LIST_MAX + 1], text[NHI_LIST_MAX + 120];
    const char *at = r->accounts;
    struct nhi_host_account local;

    if (r->ssh == 0)
        return;
    while ((at = nhi_list_next(at, name)) != NULL) {
        if (account_by_name(k->c, name, &local) != NHI_OK ||
            (local.uid >= k->s.set.uid_min && local.uid <= k->s.set.uid_max))
            continue;
        snprintf(text, sizeof(text), "ssh restricts account %s only if sshd reads no authorized_keys for it", name);
        find(k, i, "shared", text);
    }
}

static int check_rule(struct check *k, size_t i)
{
    int code = check_agents(k, i);

    if (code == CTL_DONE)
        code = check_accounts(k, i);
    check_shadow(k, i);
    check_breadth(k, i);
    check_lifetime(k, i);
    check_ssh(k, i);
    return code;
}

static int policy_check(struct ctl *c)
{
    struct check k = { .c = c };
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = settings_read(c, &k.set);
    if (code == CTL_DONE)
        code = policy_read(c, &k.conf);
    if (code == CTL_DONE)
        code = store_read(c, &k.s);
    if (code == CTL_DONE && !shadows_read(&k.shadows, k.conf.rules, k.conf.count))
        code = ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
    out_table(c->out, "findings", "No findings.");
    for (size_t i = 0; i < k.conf.count && code == CTL_DONE; i++)
        code = check_rule(&k, i);
    if (code == CTL_DONE && k.findings > 0)
        out_negative(c->out, "there are findings", NULL);
    if (code == CTL_DONE)
        code = ctl_answer(c);
    if (code == CTL_DONE && k.findings > 0)
        code = CTL_REFUSED;
    shadows_free(&k.shadows);
    nhi_policy_conf_free(&k.conf);
    store_close(&k.s);
    return code;
}

static const struct opt test_opts[] = {
    { "policy", OPT_PATH, offsetof(struct policy_args, policy), false, "DIRECTORY",
      "check the rules in this directory (" POLICY_PATH ")", NULL, 0 },
    { .name = NULL },
};

const struct verb policy_verbs[] = {
    { "policy", "check", policy_check, NULL, 0, 0, 0, "", "Look for likely mistakes in the policy.",
      "Checks the files, applied or not, for rules that are shadowed, broad, or match nobody.\n"
      "Exit status 1: there are findings.",
      "nhictl policy check" },
    { "policy", "test", policy_test, test_opts, sizeof(struct policy_args), 1, 1, "[--policy DIRECTORY] FILE",
      "Try requests with expected outcomes against policy files.",
      "Needs neither root nor a ledger. Exit status 1: a request had another outcome.",
      "nhictl policy test --policy policy.d requests.conf" },
    { .verb = NULL },
};
