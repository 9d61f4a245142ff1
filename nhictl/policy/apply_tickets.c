/* SPDX-License-Identifier: ISC */
#include "nhictl/policy/apply_tickets.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/check/facts.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/policy/preview.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/progress.h"
#include "nhictl/store/store.h"

struct change {
    struct ctl *c;
    struct store *s;
    struct preview preview;
    const struct apply_side *sides[2]; /* had, want */
    const struct apply_touched *touched;
    struct lines {
        char **all;
        size_t count, room;
    } lists[2];                    /* loses, gains */
    char agent[NHI_AGENT_MAX + 1]; /* of the last ticket */
    bool touches;                  /* a rule that changed could be about it */
    struct apply_effect *effect;
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

static void note(struct change *ch, bool gains, char *line)
{
    struct lines *l = &ch->lists[gains];

    l->all = out_grow(l->all, &l->room, l->count + 1, sizeof(*l->all));
    l->all[l->count++] = line;
}

static void note_lost(struct change *ch, const struct nhi_ticket_row *row, const struct preview_case *of)
{
    struct apply_effect *e = ch->effect;
    struct apply_login *l;

    e->lost = out_grow(e->lost, &e->lost_room, e->lost_count + 1, sizeof(*e->lost));
    l = &e->lost[e->lost_count++];
    memcpy(l->jti, row->ticket.jti, sizeof(l->jti));
    memcpy(l->root, row->root, sizeof(l->root));
    snprintf(l->account, sizeof(l->account), "%s", of->account);
    snprintf(l->service, sizeof(l->service), "%s", of->service);
}

static void show_doors(struct change *ch, const struct nhi_ticket_row *row, const struct nhi_facts *facts)
{
    const struct nhi_ticket *t = &row->ticket;
    char account[NHI_LIST_MAX + 1], service[NHI_LIST_MAX + 1];
    const struct preview_case of = { t, facts, account, service };
    const char *a = t->accounts, *v;
    bool opens[2], opened = false, open = false;

    while ((a = nhi_list_next(a, account)) != NULL)
        for (v = t->services; (v = nhi_list_next(v, service)) != NULL;) {
            if (!could_change(ch, &of)) {
                open = true; /* as it was, if it was */
                continue;
            }
            judge_both(ch, &of, opens);
            opened = opened || opens[0];
            open = open || opens[1];
            if (opens[0] && !opens[1])
                note_lost(ch, row, &of);
            if (opens[0] != opens[1])
                note(ch, opens[1],
                     out_say("ticket %s of %s, task %s: %s account %s through %s", t->jti, t->agent, t->task,
                             opens[1] ? "gains" : "loses", account, service));
        }
    ch->effect->shut += opened && !open;
}

/* Whether a rule that changed could be about this agent. The facts of a ticket cost more than this. */
static bool is_touched(struct change *ch, const char *agent)
{
    char word[NHI_LIST_MAX + 1];

    if (ch->sides[0]->max_lifetime != ch->sides[1]->max_lifetime ||
        ch->sides[0]->overdue_denies != ch->sides[1]->overdue_denies)
        return true;
    /* Most tickets follow one of the same agent. */
    if (strcmp(ch->agent, agent) == 0)
        return ch->touches;
    snprintf(ch->agent, sizeof(ch->agent), "%s", agent);
    ch->touches = false;
    for (size_t i = 0; i < ch->touched->count && !ch->touches; i++) {
        const char *at = ch->touched->rules[i]->agents;

        ch->touches = at[0] == '\0';
        while (!ch->touches && (at = nhi_list_next(at, word)) != NULL)
            ch->touches = nhi_glob(word, agent);
    }
    return ch->touches;
}

static int judge_ticket(const struct nhi_ticket_row *row, void *ctx)
{
    const struct nhi_ticket *t = &row->ticket;
    struct change *ch = ctx;
    struct nhi_facts facts;

    progress_step(0);
    if (strcmp(t->host, ch->s->set.host) != 0)
        return 0;
    ch->effect->live++;
    if (!is_touched(ch, t->agent))
        return 0;
    ch->code = preview_ticket(&ch->preview, t, &facts);
    if (ch->code != CTL_DONE)
        return 1;
    show_doors(ch, row, &facts);
    nhi_facts_free(&facts);
    return 0;
}

static void show_lines(struct ctl *c, const char *key, struct lines *l)
{
    out_strings(c->out, key, NULL);
    for (size_t i = 0; i < l->count; i++) {
        out_string(c->out, "%s", l->all[i]);
        free(l->all[i]);
    }
    free(l->all);
}

/* Whether any ticket may be judged differently: most changes of files are none. */
static bool may_change(const struct apply_side *had, const struct apply_side *want, const struct apply_touched *touched)
{
    return touched->count > 0 || had->max_lifetime != want->max_lifetime || had->overdue_denies != want->overdue_denies;
}

int apply_show_tickets(struct ctl *c, struct store *s, const struct apply_change *change, struct apply_effect *effect)
{
    struct change ch = {
        .c = c, .s = s, .sides = { change->had, change->want }, .touched = change->touched, .effect = effect
    };
    enum nhi_err err = NHI_OK;

    if (may_change(change->had, change->want, change->touched)) {
        progress_begin(c, "judging tickets");
        ch.code = preview_begin(c, s, PREVIEW_EVER, &ch.preview);
        if (ch.code == CTL_DONE)
            err = nhi_ticket_each(s->l, &(struct nhi_ticket_filter){ .live_at = c->now }, judge_ticket, &ch);
        preview_end(&ch.preview);
        progress_end();
    }
    show_lines(c, "loses", &ch.lists[false]);
    show_lines(c, "gains", &ch.lists[true]);
    if (ch.code != CTL_DONE)
        return ch.code;
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the tickets");
}
