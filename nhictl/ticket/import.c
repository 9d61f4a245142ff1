/* SPDX-License-Identifier: ISC */
/*
 * import: a ticket of another issuer becomes known here, for services that show none themselves.
 */
#include <stdlib.h>
#include <string.h>

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
#include "nhictl/store/store_event.h"
#include "nhictl/ticket/issue.h"
#include "nhictl/ticket/issue_bind.h"

/* Compares everything that is signed and bound: rows of the ledger are compared with this. */
static bool same_claims(const struct nhi_ticket *a, const struct nhi_ticket *b)
{
    return strcmp(a->kid, b->kid) == 0 && strcmp(a->agent, b->agent) == 0 && strcmp(a->task, b->task) == 0 &&
           strcmp(a->host, b->host) == 0 && strcmp(a->accounts, b->accounts) == 0 &&
           strcmp(a->services, b->services) == 0 && a->iat == b->iat && a->nbf == b->nbf && a->exp == b->exp &&
           a->uses == b->uses && a->has_cnf == b->has_cnf && a->ssh == b->ssh && strcmp(a->parent, b->parent) == 0 &&
           (!a->has_cnf || memcmp(a->cnf, b->cnf, sizeof(a->cnf)) == 0);
}

static int refuse(struct ctl *c, const struct nhi_ticket *t, enum nhi_reason reason, const char *account)
{
    if (reason == NHI_DENY_TASK_UNKNOWN)
        return ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl task open %s --agent %s", t->task, t->agent),
                        "ticket %s was not imported: %s", t->jti, nhi_reason_text(reason));
    return ctl_fail(c, CTL_REFUSED, NULL, "ticket %s was not imported: %s (account %s)", t->jti,
                    nhi_reason_text(reason), account);
}

/* A ticket that every service would refuse need not be known. Policy is left out: it may change while the ticket lives,
 * and is checked at each use. */
static int check(struct ctl *c, struct store *s, const struct nhi_ticket *t)
{
    char account[NHI_LIST_MAX + 1], service[NHI_LIST_MAX + 1];
    const char *at = t->accounts;
    struct nhi_facts facts = { .rules = NULL };
    const struct preview_case of = { t, &facts, account, service };
    struct preview p;
    int code = preview_begin(c, s, PREVIEW_EVER, &p);

    if (code == CTL_DONE)
        code = preview_ticket(&p, t, &facts);
    if (nhi_list_next(t->services, service) == NULL)
        service[0] = '\0';
    while (code == CTL_DONE && (at = nhi_list_next(at, account)) != NULL) {
        enum nhi_reason reason = preview_decide(&p, &of, PREVIEW_PERMITTED);

        if (reason != NHI_PERMIT && reason != NHI_DENY_NOT_YET)
            code = refuse(c, t, reason, account);
    }
    nhi_facts_free(&facts);
    preview_end(&p);
    return code;
}

static int record(struct ctl *c, struct store *s, const struct nhi_ticket *t)
{
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err = nhi_ticket_record(s->l, t, NHI_ORIGIN_IMPORTED, c->now);

    out_text(detail, "kid", NULL, t->kid);
    out_list(detail, "accounts", NULL, t->accounts);
    out_list(detail, "services", NULL, t->services);
    out_time(detail, "exp", NULL, t->exp);
    if (err == NHI_OK)
        err = store_event(
            c, s, (struct store_event){ .kind = "import", .agent = t->agent, .task = t->task, .jti = t->jti }, detail);
    else
        out_row_free(detail);
    return err == NHI_OK ? store_commit(c, s) : store_fail(c, s, err, "record the ticket");
}

/* known: the ledger already has the same ticket. */
static int look_up(struct ctl *c, struct store *s, const struct nhi_ticket *t, bool *known)
{
    struct nhi_ticket_row row;
    enum nhi_err err = nhi_ticket_get(s->l, t->jti, &row);

    *known = err == NHI_OK;
    if (err == NHI_ERR_NOT_FOUND)
        return CTL_DONE;
    if (err != NHI_OK)
        return store_fail(c, s, err, "look up the ticket");
    if (same_claims(&row.ticket, t))
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl ticket show %s", t->jti),
                    "another ticket with the ID %s is known here, and IDs are never used again", t->jti);
}

static int import(struct ctl *c)
{
    struct store s = { 0 };
    struct nhi_ticket t;
    char *text = NULL;
    size_t len = 0;
    bool known = false;
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = text_read(c, c->operand[0], &text, &len);
    if (code == CTL_DONE)
        code = store_write(c, &s);
    if (code == CTL_DONE)
        code = ticket_verify(c, &s, text, len, &t);
    if (code == CTL_DONE)
        code = look_up(c, &s, &t, &known);
    /* A ticket that is known and dead is refused as well: the caller is about to rely on it. */
    if (code == CTL_DONE)
        code = check(c, &s, &t);
    if (code == CTL_DONE && !known && t.has_cnf)
        code = bind_check(c, &s, &t);
    if (code == CTL_DONE && !known)
        code = record(c, &s, &t);
    if (code == CTL_DONE) {
        out_line(c->out, known ? "ticket %s is already known" : "imported ticket %s", t.jti);
        out_record(c->out, "ticket", claims_row(c->out, &t));
        code = ctl_answer(c);
    }
    nhi_text_free(text);
    store_close(&s);
    return code;
}

const struct verb import_verbs[] = {
    { NULL, "import", import, NULL, 0, 1, 1, "FILE|-", "Make another issuer's ticket known here.",
      "Its issuer and bounds, host, agent, task, accounts and time are verified first.", "nhictl import ticket.txt" },
    { .verb = NULL },
};
