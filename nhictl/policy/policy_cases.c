/* SPDX-License-Identifier: ISC */
/*
 * policy test: requests with expected results, against policy files, for people's CI. It needs neither root nor a
 * ledger, and calls the decision function that pam_nhi calls.
 */
#include "nhictl/policy/policy_cases.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/case_conf.h"
#include "libnhi/base/time.h"
#include "libnhi/policy/reason.h"
#include "nhictl/policy/policy_read.h"
#include "nhictl/policy/zone.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"

#define HOST "host"
#define KID "key"
#define TREE "p-tree"

static int read_cases(struct ctl *c, const char *file, struct nhi_policy_case **cases, size_t *count)
{
    char *text = malloc(NHI_CONF_FILE_MAX + 2);
    struct nhi_conf_error error = { .line = 0 };
    enum nhi_err err;
    size_t len = 0;
    FILE *f = fopen(file, "re");
    int code = CTL_DONE;

    if (text == NULL || f == NULL) {
        code = ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", file, strerror(errno));
    } else {
        len = fread(text, 1, NHI_CONF_FILE_MAX + 1, f);
        text[len] = '\0';
        err = ferror(f)                 ? nhi_err_from_errno(errno)
              : len > NHI_CONF_FILE_MAX ? NHI_ERR_TOO_LONG
                                        : nhi_policy_cases_read(text, len, cases, count, &error);
        if (err == NHI_ERR_TOO_LONG)
            code = ctl_fail(c, CTL_REFUSED, NULL, "%s: larger than 1 MiB", file);
        else if (err == NHI_ERR_FORMAT && error.line == 0)
            code = ctl_fail(c, CTL_REFUSED, "man 8 nhictl", "%s: %s", file, error.text);
        else if (err == NHI_ERR_FORMAT)
            code = ctl_fail(c, CTL_REFUSED, "man 8 nhictl", "%s:%u: %s", file, error.line, error.text);
        else if (err != NHI_OK)
            code = ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", file, nhi_strerror(err));
    }
    if (f != NULL)
        fclose(f);
    free(text);
    return code;
}

/* Everything except policy is in order, and root cannot be reached. */
static struct nhi_facts sound_facts(const struct nhi_policy_case *k, struct nhi_policy_conf *conf)
{
    struct nhi_facts f = { .host = HOST,
                           .issuer_known = true,
                           .issuer = { .kid = KID,
                                       .state = NHI_ISSUER_ACTIVE,
                                       .own = true,
                                       .opens_tasks = true,
                                       .agents = NHI_ANY,
                                       .accounts = NHI_ANY,
                                       .services = NHI_ANY,
                                       .max_ttl = NHI_SPAN_MAX },
                           .recorded = true,
                           .agent_known = true,
                           .agent_state = NHI_AGENT_ACTIVE,
                           .no_pin = true,
                           .rules = conf->rules,
                           .rule_count = conf->count };

    memcpy(f.agent_owner, k->owner, sizeof(f.agent_owner));
    if (k->bound == NHI_BOUND_TREE)
        memcpy(f.tree, TREE, sizeof(TREE));
    return f;
}

static struct nhi_ticket sound_ticket(const struct nhi_policy_case *k, int64_t now)
{
    struct nhi_ticket t = { .kid = KID,
                            .host = HOST,
                            .iat = now - k->age,
                            .exp = now - k->age + k->lifetime,
                            .uses = k->uses,
                            .has_cnf = k->bound == NHI_BOUND_KEY };

    memcpy(t.agent, k->agent, sizeof(t.agent));
    memcpy(t.task, k->task, sizeof(t.task));
    memcpy(t.accounts, k->account, sizeof(k->account));
    memcpy(t.services, k->service, sizeof(k->service));
    return t;
}

static struct nhi_decision decide(const struct nhi_policy_case *k, struct nhi_policy_conf *conf, int64_t now)
{
    struct nhi_facts f = sound_facts(k, conf);
    struct nhi_ticket t = sound_ticket(k, now);
    struct nhi_request req = { .now = now,
                               .service = k->service,
                               .subject = k->account,
                               .subject_uid = strcmp(k->account, "root") != 0,
                               .source = NHI_FROM_SESSION,
                               .ticket = &t,
                               .from = k->from[0] != '\0' ? k->from : NULL,
                               .is_local = k->from[0] == '\0',
                               .tree = f.tree[0] != '\0' ? f.tree : NULL,
                               .key = t.cnf };

    for (size_t i = 0; i < conf->count; i++)
        if (conf->rules[i].zone[0] != '\0')
            conf->rules[i].offset = zone_ahead(conf->rules[i].zone, now);
    return nhi_decide(&req, &f);
}

/* Returns whether the result is the expected one. */
static bool show_case(struct ctl *c, const struct nhi_policy_case *k, struct nhi_policy_conf *conf)
{
    struct nhi_decision d = decide(k, conf, k->at != 0 ? k->at : c->now);
    const char *rule = d.rule != NULL ? d.rule->name : NULL;
    bool permit = d.reason == NHI_PERMIT;
    bool pass = permit == k->permit && (k->rule[0] == '\0' || (rule != NULL && strcmp(rule, k->rule) == 0));
    struct out_row *r = out_row_new(c->out);

    out_number(r, "line", "line", k->line);
    out_state(r, "result", "result", pass ? "passed" : "failed");
    out_text(r, "agent", "agent", k->agent);
    out_text(r, "account", "account", k->account);
    out_text(r, "service", "service", k->service);
    out_text(r, "expected", "expected", k->permit ? "permit" : "deny");
    out_text(r, "decision", "decision", permit ? "permit" : "deny");
    out_text(r, "reason", NULL, nhi_reason_name(d.reason));
    out_text(r, "rule", "rule", rule);
    out_table_row(c->out, r);
    return pass;
}

int policy_test(struct ctl *c)
{
    const struct policy_args *args = c->args;
    struct nhi_policy_conf conf = { 0 };
    struct nhi_policy_case *cases = NULL;
    size_t count = 0, failed = 0;
    int code = read_cases(c, c->operand[0], &cases, &count);

    if (code == CTL_DONE)
        code = policy_read_from(c, args->policy != NULL ? args->policy : POLICY_PATH, &conf);
    if (code == CTL_DONE) {
        out_table(c->out, "tests", NULL);
        for (size_t i = 0; i < count; i++)
            failed += !show_case(c, &cases[i], &conf);
        out_line(c->out, "%zu passed, %zu failed", count - failed, failed);
        if (failed > 0)
            out_negative(c->out, "some requests did not have the expected outcome", NULL);
        code = ctl_answer(c);
        if (code == CTL_DONE && failed > 0)
            code = CTL_REFUSED;
    }
    free(cases);
    nhi_policy_conf_free(&conf);
    return code;
}
