/* SPDX-License-Identifier: ISC */
/*
 * owner list, offboard, return.
 *
 * MUST: an owner who leaves keeps no way in: the agents are suspended, and their tickets, of which that person may have
 * the texts, are revoked for good.
 */
#include "nhictl/agent/owner.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_owner.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/end/look.h"
#include "nhictl/end/other_hosts.h"
#include "nhictl/revoke/revoke.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"
#include "nhictl/store/unknown.h"

struct owner_args {
    const char *reason;
    bool resume;
    struct look_opts look;
};

/* ---- for other verbs ---- */

int owner_need(struct ctl *c, struct store *s, const struct nhi_agent *a, const char *owner)
{
    char hint[NHI_AGENT_MAX + 64], reason[NHI_TEXT_MAX + 1];
    int64_t since = 0;
    enum nhi_err err = nhi_owner_left(s->l, owner, &since, reason);

    if (err != NHI_OK)
        return store_fail(c, s, err, "read the owners");
    if (since == 0)
        return CTL_DONE;
    snprintf(hint, sizeof(hint), "nhictl agent transfer %s --owner OWNER --resume",
             a != NULL ? a->account.name : "NAME");
    return ctl_fail(c, CTL_REFUSED, a != NULL ? hint : "nhictl owner list", "owner %s is off-boarded%s%s", owner,
                    reason[0] != '\0' ? ": " : "", reason);
}

enum nhi_err owner_resume(struct ctl *c, struct store *s, const struct nhi_agent *a, const char *reason)
{
    struct nhi_agent now = { .held = 0 };
    enum nhi_err err = nhi_agent_release(s->l, a->account.name, NHI_HELD_OFFBOARDED, reason, c->now);

    if (err == NHI_OK)
        err = nhi_agent_get(s->l, a->account.name, &now);
    if (err != NHI_OK || now.state != NHI_AGENT_ACTIVE)
        return err;
    return store_event(c, s, (struct store_event){ .kind = "agent-resume", .agent = a->account.name, .cause = reason },
                       NULL);
}

/* ---- list ---- */

static struct out_row *owner_row(const struct out *o, const struct nhi_owner *w)
{
    struct out_row *r = out_row_new(o);

    out_text(r, "owner", "owner", w->name);
    out_state(r, "state", "state", w->offboarded != 0 ? "off-boarded" : "active");
    out_number(r, "agents_active", "active", w->active);
    out_number(r, "agents_suspended", "suspended", w->suspended);
    out_number(r, "agents_retired", "retired", w->retired);
    out_number(r, "live_tickets", "live tickets", w->live_tickets);
    out_day(r, "next_review", "next review", w->next_review);
    out_time(r, "offboarded", NULL, w->offboarded);
    out_text(r, "reason", NULL, w->reason);
    return r;
}

static int list_one(const struct nhi_owner *w, void *ctx)
{
    struct out *o = ctx;

    out_table_row(o, owner_row(o, w));
    return 0;
}

static int owner_list(struct ctl *c)
{
    struct store s = { 0 };
    int code = store_read(c, &s);
    enum nhi_err err;

    if (code == CTL_DONE) {
        out_table(c->out, "owners", "no owners yet: nhictl agent add");
        out_stream(c->out, NULL);
        err = nhi_owner_each(s.l, c->now, list_one, c->out);
        code = err == NHI_OK ? ctl_answer(c) : store_fail(c, &s, err, "list the owners");
    }
    store_close(&s);
    return code;
}

/* ---- offboard, return ---- */

struct owned {
    const char *owner;
    struct nhi_agent *all;
    size_t count, room;
    bool failed;
};

static int collect(const struct nhi_agent *a, void *ctx)
{
    struct owned *o = ctx;
    struct nhi_agent *more;

    if (a->state == NHI_AGENT_RETIRED)
        return 0;
    more = nhi_grow(o->all, &o->room, o->count + 1, sizeof(*more));
    if (more == NULL) {
        o->failed = true;
        return 1;
    }
    o->all = more;
    o->all[o->count++] = *a;
    return 0;
}

static enum nhi_err collect_owned(struct store *s, struct owned *o)
{
    enum nhi_err err = nhi_agent_each_of(s->l, o->owner, collect, o);

    return err == NHI_OK && o->failed ? NHI_ERR_NOMEM : err;
}

/* The owner that the operand names. */
static int get(struct ctl *c, struct store *s, struct nhi_owner *w)
{
    enum nhi_err err = nhi_owner_get(s->l, c->operand[0], c->now, w);

    if (err == NHI_ERR_NOT_FOUND)
        return unknown_owner(c, s, c->operand[0]);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the owners");
}

static enum nhi_err suspend(struct ctl *c, struct store *s, const struct nhi_agent *a, const char *why,
                            uint32_t *revoked)
{
    const struct revocation r = { .kind = NHI_REVOKE_AGENT, .id = a->account.name, .reason = why };
    struct out_row *detail, *row;
    struct nhi_revoked is = { .live = 0 };
    /* First, while its tickets still count as live. */
    enum nhi_err err = revoke_in(c, s, &r, &is);

    if (err == NHI_OK)
        err = nhi_agent_hold(s->l, a->account.name, NHI_HELD_OFFBOARDED, why, c->now);
    if (err != NHI_OK)
        return err;
    detail = out_row_new(c->out);
    out_number(detail, "live", NULL, is.live);
    row = out_row_new(c->out);
    out_state(row, "name", "agent", a->account.name);
    out_state(row, "was", "was", agent_state_name(a->state));
    out_number(row, "live_tickets", "tickets revoked", is.live);
    out_table_row(c->out, row);
    *revoked += is.live;
    return store_event(c, s, (struct store_event){ .kind = "agent-suspend", .agent = a->account.name, .cause = why },
                       detail);
}

static enum nhi_err offboard_in(struct ctl *c, struct store *s, struct owned *o, uint32_t *revoked)
{
    const struct owner_args *args = c->args;
    struct out_row *detail = out_row_new(c->out);
    char why[NHI_TEXT_MAX + 1];
    enum nhi_err err = nhi_owner_offboard(s->l, o->owner, args->reason, c->now);

    if (snprintf(why, sizeof(why), "owner off-boarded: %s", args->reason) >= (int)sizeof(why))
        snprintf(why, sizeof(why), "owner off-boarded");
    out_number(detail, "agents", NULL, (int64_t)o->count);
    if (err == NHI_OK)
        err = store_event(
            c, s, (struct store_event){ .kind = "owner-offboard", .owner = o->owner, .cause = args->reason }, detail);
    else
        out_row_free(detail);
    out_table(c->out, "agents", NULL);
    for (size_t i = 0; err == NHI_OK && i < o->count; i++)
        err = suspend(c, s, &o->all[i], why, revoked);
    return err;
}

static void show_other_hosts(struct ctl *c, struct store *s, const struct owned *o)
{
    struct other_hosts others;

    other_hosts_begin(&others, c);
    for (size_t i = 0; i < o->count; i++)
        other_hosts_add(&others, s->l, NHI_REVOKE_AGENT, o->all[i].account.name, "nhictl revoke --agent");
    other_hosts_end(&others);
}

/* Of each agent, what would end. */
static int look_at(struct ctl *c, struct look *look, const struct owned *o)
{
    int code = CTL_DONE;

    look_add_agents(look, o->count);
    for (size_t i = 0; code == CTL_DONE && i < o->count; i++)
        code = revoke_look(
            c, &(const struct revocation){ .kind = NHI_REVOKE_AGENT, .id = o->all[i].account.name, .reason = "" },
            look);
    return code;
}

static int offboard(struct ctl *c, struct look *look, void *ctx)
{
    struct owned owned = { .owner = c->operand[0] };
    struct store s = { 0 };
    struct nhi_owner w;
    struct ended ended;
    uint32_t revoked = 0;
    enum nhi_err err;
    int code = look != NULL ? store_read(c, &s) : store_write(c, &s);

    (void)ctx;
    if (code == CTL_DONE)
        code = get(c, &s, &w);
    if (code == CTL_DONE && w.offboarded != 0)
        code = ctl_fail(c, CTL_REFUSED, "nhictl owner list", "owner %s is off-boarded already", w.name);
    if (code == CTL_DONE && look != NULL) {
        err = collect_owned(&s, &owned);
        if (err != NHI_OK)
            code = store_fail(c, &s, err, "read the agents");
        store_close(&s);
        code = code == CTL_DONE ? look_at(c, look, &owned) : code;
        free(owned.all);
        return code;
    }
    if (code == CTL_DONE) {
        err = collect_owned(&s, &owned);
        if (err == NHI_OK)
            err = offboard_in(c, &s, &owned, &revoked);
        code = err == NHI_OK ? store_commit(c, &s) : store_fail(c, &s, err, "off-board the owner");
    }
    if (code == CTL_DONE) {
        out_line(c->out, "owner %s is off-boarded: %zu agent%s suspended, %u live ticket%s revoked", w.name,
                 owned.count, owned.count == 1 ? "" : "s", revoked, revoked == 1 ? "" : "s");
        if (owned.count > 0)
            out_line(c->out, "give each another owner: nhictl agent transfer %s --owner OWNER --resume",
                     owned.all[0].account.name);
        ended = end_what_is_over(c, s.set.grace);
        ended_show(c, &ended);
        show_other_hosts(c, &s, &owned);
        code = store_publish_changes(c, &s);
        code = code == CTL_DONE ? ended_answer(c, &ended) : ended_finish(c, &ended, code);
    }
    free(owned.all);
    store_close(&s);
    return code;
}

static int owner_offboard(struct ctl *c)
{
    const struct owner_args *args = c->args;
    char sentence[NHI_TEXT_MAX];

    snprintf(sentence, sizeof(sentence), "off-board owner %s", c->operand[0]);
    return look_first(c, &args->look, &(const struct look_verb){ .sentence = sentence, .run = offboard });
}

static enum nhi_err return_in(struct ctl *c, struct store *s, const struct owned *o)
{
    const struct owner_args *args = c->args;
    enum nhi_err err = nhi_owner_return(s->l, o->owner);

    if (err == NHI_OK)
        err = store_event(
            c, s, (struct store_event){ .kind = "owner-return", .owner = o->owner, .cause = args->reason }, NULL);
    for (size_t i = 0; err == NHI_OK && args->resume && i < o->count; i++)
        if ((o->all[i].held & NHI_HELD_OFFBOARDED) != 0)
            err = owner_resume(c, s, &o->all[i], args->reason);
    return err;
}

static int owner_return(struct ctl *c)
{
    struct owned owned = { .owner = c->operand[0] };
    struct store s = { 0 };
    struct nhi_owner w;
    enum nhi_err err;
    int code = store_write(c, &s);

    if (code == CTL_DONE)
        code = get(c, &s, &w);
    if (code == CTL_DONE && w.offboarded == 0)
        code = ctl_fail(c, CTL_REFUSED, NULL, "owner %s is not off-boarded", w.name);
    if (code == CTL_DONE) {
        err = collect_owned(&s, &owned);
        if (err == NHI_OK)
            err = return_in(c, &s, &owned);
        if (err == NHI_OK)
            err = nhi_owner_get(s.l, w.name, c->now, &w);
        code = err == NHI_OK ? store_commit(c, &s) : store_fail(c, &s, err, "take the owner back");
    }
    if (code == CTL_DONE) {
        out_record(c->out, "owner", owner_row(c->out, &w));
        code = ctl_answer(c);
    }
    free(owned.all);
    store_close(&s);
    return code;
}

#define REASON "reason", OPT_TEXT, offsetof(struct owner_args, reason)
#define WHY "TEXT", "why", NULL, NHI_TEXT_MAX

static const struct opt offboard_opts[] = {
    { REASON, true, WHY },
    LOOK_OPTS(offsetof(struct owner_args, look)),
    { .name = NULL },
};
static const struct opt return_opts[] = {
    { "resume", OPT_FLAG, offsetof(struct owner_args, resume), false, NULL,
      "let in again the agents that the off-boarding suspended", NULL, 0 },
    { REASON, false, WHY },
    { .name = NULL },
};

const struct verb owner_verbs[] = {
    { "owner", "list", owner_list, NULL, 0, 0, 0, "", "List the owners, and how many agents each has.", NULL,
      "nhictl owner list" },
    { "owner", "offboard", owner_offboard, offboard_opts, sizeof(struct owner_args), 1, 1,
      "OWNER --reason TEXT [--dry-run]", "Suspend all agents of an owner who has left, and revoke their tickets.",
      "Each stays suspended until nhictl agent transfer gives it another owner.",
      "nhictl owner offboard ops@example.org --reason 'left the company'" },
    { "owner", "return", owner_return, return_opts, sizeof(struct owner_args), 1, 1, "OWNER [--resume] [--reason TEXT]",
      "Undo an off-boarding.", "Tickets that it revoked stay revoked.",
      "nhictl owner return ops@example.org --resume" },
    { .verb = NULL },
};
