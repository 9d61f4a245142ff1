/* SPDX-License-Identifier: ISC */
/*
 * explain: what pam_nhi would decide, or has decided, and what part each rule had in it.
 *
 * MUST: call the decision function that pam_nhi calls, over the facts that it would have.
 */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/check/facts.h"
#include "libnhi/grant/grant.h"
#include "libnhi/grant/grant_record.h"
#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/policy/reason.h"
#include "libnhi/policy/rule_field.h"
#include "nhictl/keys/ticket_verify.h"
#include "nhictl/policy/explain_reason.h"
#include "nhictl/policy/preview.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"

struct explain_args {
    const char *account, *service, *from;
    int64_t at;
};

/* ---- the answer ---- */

/* For an earlier decision: how much its rules had given then is not known, only which had reached a limit. */
static enum nhi_condition was_full(const struct nhi_rule *r, const struct nhi_grant *then)
{
    if (then->reason != NHI_DENY_LIMIT || r->forbid)
        return NHI_COND_MET;
    return r->max_sessions != 0 ? NHI_COND_SESSIONS : r->max_grants != 0 ? NHI_COND_GRANTS : NHI_COND_MET;
}

/* then: NULL for a decision now, with the present counts. */
static void show_rules(struct ctl *c, const struct nhi_request *req, const struct nhi_facts *f,
                       const struct nhi_grant *then)
{
    out_table(c->out, "rules", "There are no rules.");
    for (size_t i = 0; i < f->rule_count; i++) {
        const struct nhi_rule *r = &f->rules[i];
        enum nhi_condition failed = nhi_rule_fails(r, req, f);
        struct out_row *row = out_row_new(c->out);
        char why[NHI_RULE_FOUND_MAX];

        if (failed == NHI_COND_MET)
            failed = then != NULL ? was_full(r, then) : nhi_rule_is_full(r, req);
        if (then != NULL && failed >= NHI_COND_SESSIONS)
            snprintf(why, sizeof(why), "its limit was reached then");
        else
            nhi_rule_found(failed, r, req, f, why);
        out_text(row, "rule", "rule", r->name);
        out_text(row, "effect", "effect", r->forbid ? "forbid" : "permit");
        out_flag(row, "matches", NULL, failed == NHI_COND_MET);
        out_state(row, "fails", "fails", failed == NHI_COND_MET ? NULL : nhi_condition_name(failed));
        out_text(row, "because", "because", failed == NHI_COND_MET ? "it matches" : why);
        out_table_row(c->out, row);
    }
}

/* blind: which of the account's groups are not known, and why; empty: all are known. */
static void show_decision(struct ctl *c, enum nhi_reason reason, const char *rule, const char *policy,
                          const char *blind)
{
    struct out_row *r = out_row_new(c->out);

    out_state(r, "decision", "decision", reason == NHI_PERMIT ? "permit" : "deny");
    out_text(r, "reason", NULL, nhi_reason_name(reason));
    out_text(r, NULL, "because", reason == NHI_PERMIT ? "a rule permits it" : nhi_reason_text(reason));
    out_text(r, "groups", "groups", blind[0] != '\0' ? blind : NULL);
    out_text(r, "rule", "rule", rule[0] != '\0' ? rule : NULL);
    out_text(r, "policy", "policy", policy[0] != '\0' ? policy : NULL);
    out_record(c->out, NULL, r);
}

static int answer(struct ctl *c, enum nhi_reason reason)
{
    int code;

    if (reason != NHI_PERMIT)
        out_negative(c->out, nhi_reason_text(reason), NULL);
    code = ctl_answer(c);
    return code == CTL_DONE && reason != NHI_PERMIT ? CTL_REFUSED : code;
}

/* ---- for a ticket ---- */

static void set_origin(const struct explain_args *args, struct nhi_request *req)
{
    struct in6_addr a;
    bool remote = strcmp(args->service, "sshd") == 0;

    req->from_unknown = remote && args->from == NULL;
    req->is_local = !remote && args->from == NULL;
    /* A name may be any address, as for a login. */
    if (args->from != NULL)
        req->from = inet_pton(AF_INET, args->from, &a) == 1 || inet_pton(AF_INET6, args->from, &a) == 1 ||
                            strcmp(args->from, NHI_NET_UNIX) == 0
                        ? args->from
                        : NHI_NET_UNKNOWN;
    if (req->ticket->has_cnf) {
        req->source = NHI_FROM_KEY;
    } else if (remote && args->from != NULL) {
        req->source = NHI_FROM_PROMPT;
        req->place = strcmp(req->from, NHI_NET_UNKNOWN) != 0 ? req->from : NULL;
        req->remote = true;
    }
}

static int no_account(struct ctl *c, enum nhi_err err, const char *account)
{
    if (err == NHI_ERR_BUSY)
        return ctl_fail(c, CTL_SYSTEM, NULL,
                        "could not find out whether there is an account '%s': a source of accounts did not answer",
                        account);
    return ctl_fail(c, CTL_REFUSED, "getent passwd", "there is no account '%s' on this host", account);
}

/* In the order of pam_nhi: once the ticket has ended, nothing else matters. */
static int explain_use(struct ctl *c, struct preview *p, const struct nhi_ticket *t, struct nhi_facts *f)
{
    const struct explain_args *args = c->args;
    const struct preview_case of = { t, f, args->account, args->service };
    struct nhi_decision d = { .rule = NULL };
    struct nhi_request req;
    enum nhi_err err = preview_request(p, &of, &req);

    if (err != NHI_OK)
        return no_account(c, err, args->account);
    set_origin(args, &req);
    req.tree = f->tree[0] != '\0' ? f->tree : NULL;
    d.reason = p->m->reason != NHI_PERMIT ? p->m->reason : nhi_is_over(t, f, req.now);
    if (d.reason == NHI_PERMIT)
        d.reason = preview_use(p, &req, f);
    if (d.reason == NHI_PERMIT)
        d = nhi_decide(&req, f);
    show_decision(c, d.reason, d.rule != NULL ? d.rule->name : "", f->policy,
                  p->g.has_account ? p->g.account.blind : "");
    show_rules(c, &req, f, NULL);
    return answer(c, d.reason);
}

static int explain_ticket(struct ctl *c, struct store *s, const struct nhi_ticket *t)
{
    struct nhi_facts f = { .rules = NULL };
    struct preview p;
    enum nhi_err err = NHI_OK;
    int code = preview_begin(c, s, PREVIEW_NOW, &p);

    if (code == CTL_DONE)
        code = preview_ticket(&p, t, &f);
    /* All rules, not only those that could match. */
    if (code == CTL_DONE)
        err = nhi_policy_load(s->l, 0, c->now, &f.rules, &f.rule_count);
    if (err != NHI_OK)
        code = store_fail(c, s, err, "read the policy");
    if (code == CTL_DONE)
        code = explain_use(c, &p, t, &f);
    nhi_facts_free(&f);
    preview_end(&p);
    return code;
}

static int explain_file(struct ctl *c, const char *file)
{
    const struct explain_args *args = c->args;
    struct store s = { 0 };
    struct nhi_ticket t;
    char *text = NULL;
    size_t len = 0;
    int code = CTL_DONE;

    if (args->account == NULL || args->service == NULL)
        return ctl_fail(c, CTL_USAGE, "nhictl explain --account NAME --service NAME FILE", "--%s NAME is missing",
                        args->account == NULL ? "account" : "service");
    code = text_read(c, file, &text, &len);
    if (code == CTL_DONE)
        code = store_read(c, &s);
    if (code == CTL_DONE)
        code = ticket_verify(c, &s, text, len, &t);
    /* Only the clock changes; the rest is as it is now. */
    if (code == CTL_DONE && args->at != 0)
        c->now = args->at;
    if (code == CTL_DONE)
        code = explain_ticket(c, &s, &t);
    nhi_text_free(text);
    store_close(&s);
    return code;
}

/* ---- for an event ---- */

struct found {
    struct nhi_grant g;
    bool any, is_decision;
};

static int take_event(const struct nhi_event *e, void *ctx)
{
    struct found *found = ctx;

    found->any = true;
    found->is_decision =
        nhi_grant_decode(e->detail, strlen(e->detail), &found->g) == NHI_OK && found->g.ticket.jti[0] != '\0';
    return 1;
}

static int find_event(struct ctl *c, struct store *s, int64_t seq, struct nhi_grant *g)
{
    struct found found = { .any = false };
    enum nhi_err err = nhi_event_each(s->l, seq - 1, 1, take_event, &found);
    char before[NHI_TIME_LEN + 1];

    if (err != NHI_OK)
        return store_fail(c, s, err, "read the event");
    if (seq <= s->set.archived && nhi_time_format(s->set.archived_before, before) == NHI_OK)
        return ctl_fail(c, CTL_REFUSED, NULL, "event %lld is in an archive: it was archived before %s", (long long)seq,
                        before);
    if (!found.any)
        return ctl_fail(c, CTL_REFUSED, "nhictl audit export, which has the number of each event",
                        "there is no event %lld", (long long)seq);
    if (!found.is_decision)
        return ctl_fail(c, CTL_REFUSED, NULL, "event %lld is not a decision on a ticket", (long long)seq);
    *g = found.g;
    return CTL_DONE;
}

/* A decision that was made before there was a policy has no policy to show. */
static int rules_of_then(struct ctl *c, struct store *s, const struct nhi_grant *g, struct nhi_facts *f)
{
    int64_t version = 0;
    enum nhi_err err = g->policy[0] != '\0' ? nhi_policy_version(s->l, g->policy, &version) : NHI_ERR_NOT_FOUND;

    if (err == NHI_OK)
        err = nhi_policy_load(s->l, version, g->at, &f->rules, &f->rule_count);
    return err == NHI_OK || err == NHI_ERR_NOT_FOUND ? CTL_DONE : store_fail(c, s, err, "read the policy of that time");
}

static void show_event(struct ctl *c, const struct nhi_grant *g, struct nhi_facts *f)
{
    struct nhi_request req = { .now = g->at,
                               .service = g->service,
                               .subject = g->subject,
                               .source = g->source,
                               .from = g->rhost[0] != '\0' ? g->rhost : NULL,
                               .is_local = g->rhost[0] == '\0',
                               .ticket = &g->ticket };

    memcpy(f->agent_owner, g->owner, sizeof(f->agent_owner));
    show_decision(c, g->reason, g->rule, g->policy, "");
    show_rules(c, &req, f, g);
}

static int explain_event(struct ctl *c, int64_t seq)
{
    struct store s = { 0 };
    struct preview p = { .m = NULL };
    struct nhi_grant g = { .at = 0 };
    struct nhi_facts f = { .rules = NULL };
    int code = store_read(c, &s);

    if (code == CTL_DONE)
        code = find_event(c, &s, seq, &g);
    if (code == CTL_DONE)
        code = preview_begin(c, &s, PREVIEW_NOW, &p);
    if (code == CTL_DONE)
        code = preview_ticket(&p, &g.ticket, &f);
    if (code == CTL_DONE)
        code = rules_of_then(c, &s, &g, &f);
    if (code == CTL_DONE) {
        show_event(c, &g, &f);
        code = answer(c, g.reason);
    }
    nhi_facts_free(&f);
    preview_end(&p);
    store_close(&s);
    return code;
}

static int explain(struct ctl *c)
{
    const struct explain_args *args = c->args;
    const char *what = c->operand[0];
    bool of_ticket = args->account != NULL || args->service != NULL;
    enum nhi_reason reason;
    int code;

    if (!of_ticket && nhi_reason_find(what, &reason))
        return explain_reason(c, reason);
    code = store_need_root(c);
    if (code != CTL_DONE)
        return code;
    if (!of_ticket && what[0] != '\0' && strlen(what) < 19 && what[strspn(what, "0123456789")] == '\0')
        return explain_event(c, strtoll(what, NULL, 10));
    return explain_file(c, what);
}

static const struct opt explain_opts[] = {
    { "account", OPT_NAME, offsetof(struct explain_args, account), false, "NAME", "the account to log in to",
      nhi_name_is_account, 0 },
    { "service", OPT_NAME, offsetof(struct explain_args, service), false, "NAME", "through this PAM service",
      nhi_name_is_service, 0 },
    { "from", OPT_PATH, offsetof(struct explain_args, from), false, "ADDRESS",
      "from this address (default for sshd: anywhere; others: locally)", NULL, 0 },
    { "at", OPT_MOMENT, offsetof(struct explain_args, at), false, "TIME",
      "at this time, with everything else as it is now", NULL, 0 },
    { .name = NULL },
};

const struct verb explain_verbs[] = {
    { NULL, "explain", explain, explain_opts, sizeof(struct explain_args), 1, 1,
      "--account NAME --service NAME [--from ADDRESS] [--at TIME] FILE|- | EVENT | REASON",
      "Explain what a ticket would open, why an event was decided so, or what a reason means.",
      "Every rule is listed, with the first condition that is not met.\n"
      "EVENT is the number of a decision: with the ticket, time, owner and rules of that time.\n"
      "REASON is the word after reason= in the log, such as policy or expired: its usual cause, and\n"
      "what to do about it.\n"
      "Exit status 1: denied.",
      "nhictl explain --account deploy --service sshd --from 192.0.2.7 ticket.txt" },
    { .verb = NULL },
};
