/* SPDX-License-Identifier: ISC */
#include "nhictl/policy/apply_tickets.h"

#include <string.h>

#include "libnhi/check/facts.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/policy/preview.h"
#include "nhictl/say/ctl.h"
#include "nhictl/store/store.h"

struct change {
    struct ctl *c;
    struct store *s;
    struct preview preview;
    const struct apply_side *sides[2]; /* had, want */
    const struct apply_touched *touched;
    bool gains; /* the list of gains is being made, else that of losses */
    int code;
};

/* Whether the ticket opens the account through the service on each side. */
static void judge_both(struct change *ch, const struct preview_case *of, bool opens[2])
{
    for (int i = 0; i < 2; i++) {
        struct nhi_facts f = *of->facts;
        struct preview_case side = *of;

        f.rules = ch->sides[i]->rules;
        f.rule_count = ch->sides[i]->count;
        f.max_lifetime = ch->sides[i]->max_lifetime;
        f.overdue_denies = ch->sides[i]->overdue_denies;
        side.facts = &f;
        opens[i] = preview_decide(&ch->preview, &side, PREVIEW_INSIDE) == NHI_PERMIT;
    }
}

/* Rules that did not change have the same result, and there may be ten thousand. */
static bool could_change(struct change *ch, const struct preview_case *of)
{
    struct nhi_request req;

    if (ch->sides[0]->max_lifetime != ch->sides[1]->max_lifetime ||
        ch->sides[0]->overdue_denies != ch->sides[1]->overdue_denies)
        return true;
    if (preview_request(&ch->preview, of, &req) != NHI_OK)
        return false;
    req.tree = of->facts->tree;
    for (size_t i = 0; i < ch->touched->count; i++)
        if (nhi_rule_fails(ch->touched->rules[i], &req, of->facts) == NHI_COND_MET)
            return true;
    return false;
}

static void show_doors(struct change *ch, const struct nhi_ticket *t, const struct nhi_facts *facts)
{
    char account[NHI_LIST_MAX + 1], service[NHI_LIST_MAX + 1];
    const struct preview_case of = { t, facts, account, service };
    const char *a = t->accounts, *v;
    bool opens[2];

    while ((a = nhi_list_next(a, account)) != NULL)
        for (v = t->services; (v = nhi_list_next(v, service)) != NULL;) {
            if (!could_change(ch, &of))
                continue;
            judge_both(ch, &of, opens);
            if (opens[ch->gains] && !opens[!ch->gains])
                out_string(ch->c->out, "ticket %s of %s, task %s: %s account %s through %s", t->jti, t->agent, t->task,
                           ch->gains ? "gains" : "loses", account, service);
        }
}

static int show_ticket(const struct nhi_ticket_row *row, void *ctx)
{
    const struct nhi_ticket *t = &row->ticket;
    struct change *ch = ctx;
    struct nhi_facts facts;

    if (strcmp(t->host, ch->s->set.host) != 0)
        return 0;
    ch->code = preview_ticket(&ch->preview, t, &facts);
    if (ch->code != CTL_DONE)
        return 1;
    show_doors(ch, t, &facts);
    nhi_facts_free(&facts);
    return 0;
}

int apply_show_tickets(struct ctl *c, struct store *s, const struct apply_side *had, const struct apply_side *want,
                       const struct apply_touched *touched)
{
    struct change ch = { .c = c, .s = s, .sides = { had, want }, .touched = touched };
    enum nhi_err err = NHI_OK;

    ch.code = preview_begin(c, s, PREVIEW_EVER, &ch.preview);
    for (int i = 0; i < 2 && err == NHI_OK && ch.code == CTL_DONE; i++) {
        ch.gains = i == 1;
        out_strings(c->out, ch.gains ? "gains" : "loses", NULL);
        err = nhi_ticket_each(s->l, &(struct nhi_ticket_filter){ .live_at = c->now }, show_ticket, &ch);
    }
    preview_end(&ch.preview);
    if (ch.code != CTL_DONE)
        return ch.code;
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the tickets");
}
