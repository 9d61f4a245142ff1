/* SPDX-License-Identifier: ISC */
/*
 * agent transfer, certify: who owns an agent, and whether it is still needed.
 */
#include <stddef.h>
#include <string.h>

#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_owner.h"
#include "nhictl/agent/agent.h"
#include "nhictl/agent/owner.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

struct transfer_args {
    const char *owner, *reason;
    bool resume;
};

struct certify_args {
    int64_t review_by;
    const char *because;
};

/* An agent that was suspended for another reason than an off-boarding is not resumed here. */
static int check_resume(struct ctl *c, const struct nhi_agent *a)
{
    char hint[NHI_AGENT_MAX + 32];

    if (a->state == NHI_AGENT_ACTIVE || (a->held & NHI_HELD_OFFBOARDED) != 0)
        return CTL_DONE;
    snprintf(hint, sizeof(hint), "nhictl agent resume %s", a->account.name);
    return ctl_fail(c, CTL_REFUSED, hint, "agent %s was not suspended because its owner was off-boarded%s%s",
                    a->account.name, a->reason[0] != '\0' ? ", but: " : "", a->reason);
}

static int check_transfer(struct ctl *c, struct store *s, const struct nhi_agent *a)
{
    const struct transfer_args *args = c->args;
    int code = agent_need(c, a, NHI_AGENT_ACTIVE);

    if (code == CTL_DONE && strcmp(a->owner, args->owner) == 0)
        code = ctl_fail(c, CTL_REFUSED, NULL, "agent %s already belongs to %s", a->account.name, args->owner);
    if (code == CTL_DONE)
        code = owner_need(c, s, NULL, args->owner);
    return code == CTL_DONE && args->resume ? check_resume(c, a) : code;
}

static int transfer_in(struct ctl *c, struct store *s, struct nhi_agent *a)
{
    const struct transfer_args *args = c->args;
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err = nhi_agent_transfer(s->l, a->account.name, args->owner);

    out_text(detail, "from", NULL, a->owner);
    out_text(detail, "to", NULL, args->owner);
    if (err == NHI_OK)
        err = store_event(
            c, s, (struct store_event){ .kind = "agent-transfer", .agent = a->account.name, .cause = args->reason },
            detail);
    else
        out_row_free(detail);
    if (err == NHI_OK)
        err = nhi_agent_get(s->l, a->account.name, a);
    if (err == NHI_OK && args->resume && a->state == NHI_AGENT_SUSPENDED)
        err = owner_resume(c, s, a, args->reason);
    if (err == NHI_OK)
        err = nhi_agent_get(s->l, a->account.name, a);
    return err == NHI_OK ? store_commit(c, s) : store_fail(c, s, err, "transfer the agent");
}

static int agent_transfer(struct ctl *c)
{
    struct store s = { 0 };
    struct nhi_agent a = { .held = 0 };
    struct ended ended;
    int code = store_write(c, &s);

    if (code == CTL_DONE)
        code = agent_get(c, &s, &a);
    if (code == CTL_DONE)
        code = check_transfer(c, &s, &a);
    if (code == CTL_DONE)
        code = transfer_in(c, &s, &a);
    if (code == CTL_DONE) {
        out_member(c->out, "agent", agent_row(c->out, &a, true));
        out_line(c->out, "agent %s belongs to %s, and is %s", a.account.name, a.owner, agent_state_name(a.state));
        if (a.state == NHI_AGENT_SUSPENDED)
            out_line(c->out, "to let it in again: nhictl agent resume %s", a.account.name);
        agent_note_file(&a, "change the owner there too, or the next apply undoes this");
        /* Rules may name owners. */
        ended = end_what_is_over(c, s.set.grace);
        ended_show(c, &ended);
        code = store_publish_changes(c, &s);
        code = code == CTL_DONE ? ended_answer(c, &ended) : ended_finish(c, &ended, code);
    }
    store_close(&s);
    return code;
}

static int certify_in(struct ctl *c, struct store *s, struct nhi_agent *a)
{
    const struct certify_args *args = c->args;
    struct out_row *detail = out_row_new(c->out);
    struct nhi_agent want = *a;
    enum nhi_err err;

    want.review_by = args->review_by;
    want.certified = c->now;
    store_actor(c, want.certified_by);
    snprintf(want.because, sizeof(want.because), "%s", args->because);
    err = nhi_agent_certify(s->l, &want);
    out_text(detail, "by", NULL, want.certified_by);
    out_day(detail, "had", NULL, a->review_by);
    out_day(detail, "review_by", NULL, args->review_by);
    if (err == NHI_OK)
        err = store_event(
            c, s, (struct store_event){ .kind = "agent-certify", .agent = a->account.name, .cause = args->because },
            detail);
    else
        out_row_free(detail);
    if (err == NHI_OK)
        err = nhi_agent_get(s->l, a->account.name, a);
    return err == NHI_OK ? store_commit(c, s) : store_fail(c, s, err, "record the review");
}

static int agent_certify(struct ctl *c)
{
    struct store s = { 0 };
    struct nhi_agent a = { .held = 0 };
    int code = store_write(c, &s);

    if (code == CTL_DONE)
        code = store_need_sound(c, &s);
    if (code == CTL_DONE)
        code = agent_get(c, &s, &a);
    if (code == CTL_DONE)
        code = agent_need(c, &a, NHI_AGENT_ACTIVE);
    if (code == CTL_DONE)
        code = owner_need(c, &s, &a, a.owner);
    if (code == CTL_DONE)
        code = certify_in(c, &s, &a);
    if (code == CTL_DONE) {
        out_record(c->out, "agent", agent_row(c->out, &a, true));
        code = ctl_answer(c);
    }
    store_close(&s);
    return code;
}

#define AT(field) offsetof(struct transfer_args, field)

static const struct opt transfer_opts[] = {
    { "owner", OPT_TEXT, AT(owner), true, "OWNER", "its owner from now on", nhi_name_is_owner, NHI_OWNER_MAX },
    { "resume", OPT_FLAG, AT(resume), false, NULL, "let it in again, if it was suspended because its owner left", NULL,
      0 },
    { "reason", OPT_TEXT, AT(reason), false, "TEXT", "why", NULL, NHI_TEXT_MAX },
    { .name = NULL },
};

static const struct opt certify_opts[] = {
    { "review-by", OPT_DATE, offsetof(struct certify_args, review_by), true, "DATE", "the date of the next review",
      NULL, 0 },
    { "because", OPT_TEXT, offsetof(struct certify_args, because), true, "TEXT", "why it is still needed", NULL,
      NHI_TEXT_MAX },
    { .name = NULL },
};

const struct verb agent_owner_verbs[] = {
    { "agent", "transfer", agent_transfer, transfer_opts, sizeof(struct transfer_args), 1, 1,
      "NAME --owner OWNER [--resume] [--reason TEXT]", "Give an agent another owner.",
      "A suspended agent stays suspended without --resume.",
      "nhictl agent transfer ci-bot --owner dev@example.org --reason 'new team'" },
    { "agent", "certify", agent_certify, certify_opts, sizeof(struct certify_args), 1, 1,
      "NAME --review-by DATE --because TEXT", "Record a review: why an agent is still needed.", NULL,
      "nhictl agent certify ci-bot --review-by 2027-12-31 --because 'builds every release'" },
    { .verb = NULL },
};
