/* SPDX-License-Identifier: ISC */
/*
 * ticket list, show, inspect.
 */
#include <stddef.h>
#include <stdlib.h>

#include "libnhi/check/facts.h"
#include "libnhi/key/paseto.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/policy/reason.h"
#include "nhictl/keys/ticket_verify.h"
#include "nhictl/policy/preview.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"
#include "nhictl/store/unknown.h"

struct list_args {
    const char *agent, *task;
    bool all;
};

static int list_one(const struct nhi_ticket_row *r, void *ctx)
{
    struct ctl *c = ctx;

    out_table_row(c->out, ticket_row(c->out, r, c->now, false));
    return 0;
}

static int ticket_list(struct ctl *c)
{
    const struct list_args *args = c->args;
    struct store s = { 0 };
    int code = store_read(c, &s);
    enum nhi_err err;

    if (code == CTL_DONE && args->agent != NULL)
        code = need_agent(c, &s, args->agent);
    if (code == CTL_DONE && args->task != NULL)
        code = need_task(c, &s, args->task);
    if (code == CTL_DONE) {
        out_table(c->out, "tickets", args->all ? "no tickets" : "no live tickets");
        out_stream(c->out, NULL);
        err = nhi_ticket_each(
            s.l,
            &(struct nhi_ticket_filter){ .agent = args->agent, .task = args->task, .live_at = args->all ? 0 : c->now },
            list_one, c);
        code = err == NHI_OK ? ctl_answer(c) : store_fail(c, &s, err, "list the tickets");
    }
    store_close(&s);
    return code;
}

static int ticket_show(struct ctl *c)
{
    struct store s = { 0 };
    struct nhi_ticket_row row;
    enum nhi_err err = NHI_ERR_NOT_FOUND;
    int code = store_read(c, &s);

    if (code == CTL_DONE) {
        if (nhi_name_is_jti(c->operand[0]))
            err = nhi_ticket_get(s.l, c->operand[0], &row);
        if (err == NHI_ERR_NOT_FOUND)
            code = ctl_fail(c, CTL_REFUSED, "nhictl ticket list --all", "there is no ticket '%s'", c->operand[0]);
        else if (err != NHI_OK)
            code = store_fail(c, &s, err, "read the ticket");
    }
    if (code == CTL_DONE) {
        out_record(c->out, "ticket", ticket_row(c->out, &row, c->now, true));
        code = ctl_answer(c);
    }
    store_close(&s);
    return code;
}

/* One line for each account and service that the ticket names. Returns whether it opens any of them; first: why the
 * first is denied. */
static bool judge_all(struct ctl *c, struct preview *p, const struct nhi_ticket *t, const struct nhi_facts *facts,
                      enum nhi_reason *first)
{
    char account[NHI_LIST_MAX + 1], service[NHI_LIST_MAX + 1];
    const struct preview_case of = { t, facts, account, service };
    const char *at = t->accounts, *in;
    bool any = false, judged = false;

    out_table(c->out, "decisions", NULL);
    while ((at = nhi_list_next(at, account)) != NULL)
        for (in = nhi_list_next(t->services, service); in != NULL; in = nhi_list_next(in, service)) {
            enum nhi_reason reason = preview_decide(p, &of, PREVIEW_ANYWHERE);
            struct out_row *r = out_row_new(c->out);

            out_state(r, "account", "account", account);
            out_state(r, "service", "service", service);
            out_state(r, "decision", "decision", reason == NHI_PERMIT ? "permit" : "deny");
            out_text(r, "reason", NULL, nhi_reason_name(reason));
            out_text(r, NULL, "because", reason == NHI_PERMIT ? "" : nhi_reason_text(reason));
            out_table_row(c->out, r);
            any = any || reason == NHI_PERMIT;
            if (!judged)
                *first = reason;
            judged = true;
        }
    return any;
}

static int show_inspected(struct ctl *c, struct preview *p, const struct nhi_ticket *t, const struct nhi_facts *facts)
{
    enum nhi_reason first = NHI_DENY_INTERNAL;
    struct nhi_ticket_row row;
    struct out_row *r;
    bool opens;
    int code;

    r = claims_row(c->out, t);
    out_flag(r, "recorded", "in the ledger", nhi_ticket_get(p->s->l, t->jti, &row) == NHI_OK);
    out_flag(r, "revoked", "revoked", facts->revoked);
    out_state(r, "issuer_state", "issuer is", issuer_state_name(facts->issuer.state));
    out_record(c->out, "ticket", r);
    opens = judge_all(c, p, t, facts, &first);
    if (!opens)
        out_negative(c->out, nhi_reason_text(first), NULL);
    code = ctl_answer(c);
    if (code != CTL_DONE || opens)
        return code;
    ctl_note("this ticket opens nothing here now: %s", nhi_reason_text(first));
    return CTL_REFUSED;
}

static int inspect(struct ctl *c, struct store *s, const struct nhi_ticket *t)
{
    struct nhi_facts facts = { .rules = NULL };
    struct preview p;
    int code = preview_begin(c, s, PREVIEW_EVER, &p);

    if (code == CTL_DONE)
        code = preview_ticket(&p, t, &facts);
    if (code == CTL_DONE)
        code = preview_rules(&p, t, &facts);
    if (code == CTL_DONE)
        code = show_inspected(c, &p, t, &facts);
    nhi_facts_free(&facts);
    preview_end(&p);
    return code;
}

static int ticket_inspect(struct ctl *c)
{
    struct store s = { 0 };
    struct nhi_ticket t;
    char *text = NULL;
    size_t len = 0;
    int code = store_read(c, &s);

    if (code == CTL_DONE)
        code = text_read(c, c->operand[0], &text, &len);
    if (code == CTL_DONE)
        code = ticket_verify(c, &s, text, len, &t);
    if (code == CTL_DONE)
        code = inspect(c, &s, &t);
    nhi_text_free(text);
    store_close(&s);
    return code;
}

static const struct opt list_opts[] = {
    { "agent", OPT_NAME, offsetof(struct list_args, agent), false, "NAME", "only of this agent", nhi_name_is_agent, 0 },
    { "task", OPT_NAME, offsetof(struct list_args, task), false, "ID", "only for this task", nhi_name_is_task, 0 },
    { "all", OPT_FLAG, offsetof(struct list_args, all), false, NULL, "expired and revoked ones too", NULL, 0 },
    { .name = NULL },
};

const struct verb ticket_verbs[] = {
    { "ticket", "list", ticket_list, list_opts, sizeof(struct list_args), 0, 0, "[--agent NAME] [--task ID] [--all]",
      "List live tickets, newest first.", NULL, "nhictl ticket list --agent ci-bot" },
    { "ticket", "show", ticket_show, NULL, 0, 1, 1, "JTI", "Show what the ledger knows about a ticket.",
      "A ticket ID that starts with - goes after --.", "nhictl ticket show AAAAAAAAAAAAAAAAAAAAAA" },
    { "ticket", "inspect", ticket_inspect, NULL, 0, 1, 1, "FILE|-", "Verify a ticket and show what it opens here now.",
      "Exit status 1: it opens nothing. The ticket itself is never printed.", "nhictl ticket inspect ticket.txt" },
    { .verb = NULL },
};
