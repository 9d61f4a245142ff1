/* SPDX-License-Identifier: ISC */
/*
 * agent list, show, suspend, resume, retire.
 */
#include <stddef.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/agent/agent.h"
#include "nhictl/agent/owner.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/end/look.h"
#include "nhictl/end/other_hosts.h"
#include "nhictl/leftover/leftover_sweep.h"
#include "nhictl/revoke/revoke.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"
#include "nhictl/store/unknown.h"

struct state_args {
    const char *reason;
    struct look_opts look;
};

static int list_one(const struct nhi_agent *a, void *ctx)
{
    struct out *o = ctx;

    out_table_row(o, agent_row(o, a, false));
    return 0;
}

static int agent_list(struct ctl *c)
{
    struct store s = { 0 };
    int code = store_read(c, &s);
    enum nhi_err err;

    if (code == CTL_DONE) {
        out_table(c->out, "agents", "no agents yet: nhictl agent add");
        out_stream(c->out, NULL);
        err = nhi_agent_each(s.l, list_one, c->out);
        code = err == NHI_OK ? ctl_answer(c) : store_fail(c, &s, err, "list the agents");
    }
    store_close(&s);
    return code;
}

int agent_get(struct ctl *c, struct store *s, struct nhi_agent *a)
{
    enum nhi_err err = NHI_ERR_NOT_FOUND;

    if (nhi_name_is_agent(c->operand[0]))
        err = nhi_agent_get(s->l, c->operand[0], a);
    if (err == NHI_ERR_NOT_FOUND)
        return unknown_agent(c, s, c->operand[0]);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the agent");
}

int agent_need(struct ctl *c, const struct nhi_agent *a, enum nhi_agent_state state)
{
    if (a->state != NHI_AGENT_RETIRED || state == NHI_AGENT_RETIRED)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, NULL, "agent %s is retired, which cannot be undone", a->account.name);
}

void agent_note_file(const struct nhi_agent *a, const char *what)
{
    if (a->file[0] != '\0' && (a->held & NHI_HELD_UNDECLARED) == 0)
        ctl_note("it is declared in %s/%s: %s", AGENTS_PATH, a->file, what);
}

static int agent_show(struct ctl *c)
{
    struct store s = { 0 };
    struct nhi_agent a;
    int code = store_read(c, &s);

    if (code == CTL_DONE)
        code = agent_get(c, &s, &a);
    if (code == CTL_DONE) {
        out_record(c->out, "agent", agent_row(c->out, &a, true));
        code = ctl_answer(c);
    }
    store_close(&s);
    return code;
}

struct open_tasks {
    struct ctl *c;
    struct store *s;
    char ids[64][NHI_TASK_MAX + 1];
    size_t count;
};

static int collect_open(const struct nhi_task *t, void *ctx)
{
    struct open_tasks *open = ctx;

    if (t->state != NHI_TASK_OPEN || open->count == sizeof(open->ids) / sizeof(open->ids[0]))
        return 0;
    memcpy(open->ids[open->count++], t->id, sizeof(t->id));
    return 0;
}

/* Closes every open task of an agent, in portions of the list's size. */
static enum nhi_err close_tasks(struct ctl *c, struct store *s, const char *agent)
{
    struct open_tasks open = { .c = c, .s = s };
    enum nhi_err err;

    do {
        open.count = 0;
        err = nhi_task_each(s->l, agent, collect_open, &open);
        for (size_t i = 0; err == NHI_OK && i < open.count; i++) {
            err = nhi_task_close(s->l, open.ids[i], "agent retired", c->now);
            if (err == NHI_OK)
                err = store_event(
                    c, s,
                    (struct store_event){
                        .kind = "task-close", .agent = agent, .task = open.ids[i], .cause = "agent retired" },
                    NULL);
        }
    } while (err == NHI_OK && open.count > 0);
    return err;
}

static enum nhi_err end_all(struct ctl *c, struct store *s, const char *name, const char *reason, uint32_t *live)
{
    const struct revocation r = { .kind = NHI_REVOKE_AGENT, .id = name, .reason = reason };
    struct nhi_revoked revoked = { .live = 0 };
    enum nhi_err err = revoke_in(c, s, &r, &revoked);

    *live = revoked.live;
    return err == NHI_OK ? close_tasks(c, s, name) : err;
}

static const char *event_of(enum nhi_agent_state state)
{
    switch (state) {
    case NHI_AGENT_ACTIVE:
        return "agent-resume";
    case NHI_AGENT_SUSPENDED:
        return "agent-suspend";
    case NHI_AGENT_RETIRED:
        return "agent-retire";
    }
    return "agent";
}

/* Resuming an agent that its file no longer declares takes it over from that file. */
static enum nhi_err take_from_file(struct ctl *c, struct store *s, const struct nhi_agent *had)
{
    struct nhi_agent a = *had;

    if ((had->held & NHI_HELD_UNDECLARED) == 0)
        return NHI_OK;
    a.file[0] = '\0';
    a.file_review = 0;
    out_line(c->out, "no file declares it any more: from now on it counts as made by hand");
    return nhi_agent_change(s->l, &a);
}

static enum nhi_err change(struct ctl *c, struct store *s, const struct nhi_agent *a, enum nhi_agent_state state,
                           uint32_t *live)
{
    const struct state_args *args = c->args;
    const char *reason = args->reason != NULL ? args->reason : "";
    enum nhi_err err = NHI_OK;

    /* First, while its tickets still count as live. */
    if (state == NHI_AGENT_RETIRED)
        err = end_all(c, s, c->operand[0], *reason != '\0' ? reason : "agent retired", live);
    if (err == NHI_OK)
        err = nhi_agent_set_state(s->l, c->operand[0], state, reason, c->now);
    if (err == NHI_OK && state == NHI_AGENT_ACTIVE)
        err = take_from_file(c, s, a);
    if (err != NHI_OK)
        return err;
    return store_event(c, s, (struct store_event){ .kind = event_of(state), .agent = c->operand[0], .cause = reason },
                       NULL);
}

static void show_live(struct ctl *c, uint32_t live)
{
    struct out_row *r = out_row_new(c->out);

    out_number(r, "live_tickets", NULL, live);
    out_record(c->out, NULL, r);
    if (live > 0)
        out_line(c->out, "revoked %u live ticket%s", live, live == 1 ? "" : "s");
}

static int set_state(struct ctl *c, struct look *look, void *ctx)
{
    const enum nhi_agent_state state = *(const enum nhi_agent_state *)ctx;
    const struct revocation r = { .kind = NHI_REVOKE_AGENT, .id = c->operand[0], .reason = "" };
    struct store s = { 0 };
    struct nhi_agent a = { .held = 0 };
    uint32_t live = 0;
    struct ended ended = { .grace = 0 };
    enum nhi_err err;
    int code;

    code = look != NULL ? store_read(c, &s) : store_write(c, &s);
    if (code == CTL_DONE)
        code = agent_get(c, &s, &a);
    if (code != CTL_DONE)
        goto out;
    code = agent_need(c, &a, state);
    if (look != NULL) {
        look_add_agents(look, 1);
        store_close(&s);
        return code == CTL_DONE ? revoke_look(c, &r, look) : code;
    }
    if (code == CTL_DONE && state == NHI_AGENT_ACTIVE)
        code = owner_need(c, &s, &a, a.owner);
    if (code != CTL_DONE)
        goto out;
    err = change(c, &s, &a, state, &live);
    code = err == NHI_OK ? store_commit(c, &s) : store_fail(c, &s, err, "change the agent");
    if (code != CTL_DONE)
        goto out;
    /* Whatever happens to the rest. */
    if (state != NHI_AGENT_ACTIVE)
        ended = end_named(c, s.l, &r, s.set.grace);
    code = store_publish_changes(c, &s);
    if (code == CTL_DONE && nhi_agent_get(s.l, c->operand[0], &a) == NHI_OK) {
        out_member(c->out, "agent", agent_row(c->out, &a, true));
        out_line(c->out, "agent %s is %s", a.account.name, agent_state_name(a.state));
        if (state == NHI_AGENT_RETIRED)
            show_live(c, live);
        if (state == NHI_AGENT_RETIRED)
            agent_note_file(&a, "remove it from that file, or the next apply is refused");
        if (state != NHI_AGENT_ACTIVE) {
            const struct leftover_wish wish = { .account = a.account.name };

            ended_show(c, &ended);
            ended.stuck += leftovers_end(c, &wish, s.set.grace);
            other_hosts_show(c, s.l, NHI_REVOKE_AGENT, a.account.name,
                             state == NHI_AGENT_SUSPENDED ? "nhictl agent suspend" : NULL);
        }
        code = ctl_answer(c);
    }
    code = ended_finish(c, &ended, code);
out:
    if (code == CTL_SYSTEM && !s.committed && state != NHI_AGENT_ACTIVE)
        ctl_note("its tickets can be ended without the ledger: nhictl revoke --agent %s", c->operand[0]);
    store_close(&s);
    return code;
}

static int end_agent(struct ctl *c, enum nhi_agent_state state, const char *how)
{
    const struct state_args *args = c->args;
    char sentence[NHI_TEXT_MAX];

    snprintf(sentence, sizeof(sentence), "%s agent %s", how, c->operand[0]);
    return look_first(c, &args->look,
                      &(const struct look_verb){ .sentence = sentence, .run = set_state, .ctx = &state });
}

static int agent_suspend(struct ctl *c)
{
    return end_agent(c, NHI_AGENT_SUSPENDED, "suspend");
}

static int agent_resume(struct ctl *c)
{
    enum nhi_agent_state active = NHI_AGENT_ACTIVE;

    return set_state(c, NULL, &active);
}

static int agent_retire(struct ctl *c)
{
    return end_agent(c, NHI_AGENT_RETIRED, "retire");
}

/* ---- set ---- */

struct set_args {
    bool daemons, no_daemons;
};

static int agent_set(struct ctl *c)
{
    const struct set_args *args = c->args;
    struct store s = { 0 };
    struct nhi_agent a = { .held = 0 };
    struct out_row *detail;
    enum nhi_err err;
    int code;

    if (args->daemons == args->no_daemons)
        return ctl_fail(c, CTL_USAGE, NULL, "give one of --daemons and --no-daemons");
    code = store_write(c, &s);
    if (code == CTL_DONE)
        code = agent_get(c, &s, &a);
    if (code == CTL_DONE)
        code = agent_need(c, &a, NHI_AGENT_ACTIVE);
    if (code == CTL_DONE) {
        detail = out_row_new(c->out);
        out_flag(detail, "daemons", NULL, args->daemons);
        err = nhi_agent_set_daemons(s.l, a.account.name, args->daemons);
        if (err == NHI_OK)
            err = store_event(c, &s, (struct store_event){ .kind = "agent-set", .agent = a.account.name }, detail);
        else
            out_row_free(detail);
        code = err == NHI_OK ? store_commit(c, &s) : store_fail(c, &s, err, "change the agent");
    }
    /* The supervisor reads the agents again when they are published. */
    if (code == CTL_DONE)
        code = store_publish_changes(c, &s);
    if (code == CTL_DONE && nhi_agent_get(s.l, c->operand[0], &a) == NHI_OK) {
        out_record(c->out, "agent", agent_row(c->out, &a, true));
        code = ctl_answer(c);
    }
    store_close(&s);
    return code;
}

static const struct opt set_opts[] = {
    { "daemons", OPT_FLAG, offsetof(struct set_args, daemons), false, NULL,
      "root starts daemons under its account: leave them running", NULL, 0 },
    { "no-daemons", OPT_FLAG, offsetof(struct set_args, no_daemons), false, NULL,
      "root starts no daemons under its account", NULL, 0 },
    { .name = NULL },
};

static const struct opt resume_opts[] = {
    { "reason", OPT_TEXT, offsetof(struct state_args, reason), false, "TEXT", "why", NULL, NHI_TEXT_MAX },
    { .name = NULL },
};

static const struct opt end_opts[] = {
    { "reason", OPT_TEXT, offsetof(struct state_args, reason), false, "TEXT", "why", NULL, NHI_TEXT_MAX },
    LOOK_OPTS(offsetof(struct state_args, look)),
    { .name = NULL },
};

const struct verb agent_verbs[] = {
    { "agent", "list", agent_list, NULL, 0, 0, 0, "", "List every agent, retired ones too.", NULL,
      "nhictl agent list" },
    { "agent", "show", agent_show, NULL, 0, 1, 1, "NAME", "Show one agent.", NULL, "nhictl agent show ci-bot" },
    { "agent", "set", agent_set, set_opts, sizeof(struct set_args), 1, 1, "NAME --daemons|--no-daemons",
      "Set whether root starts daemons under an agent's account.",
      "Without systemd they look like processes that a session left behind, and are ended.",
      "nhictl agent set ci-bot --daemons" },
    { "agent", "suspend", agent_suspend, end_opts, sizeof(struct state_args), 1, 1, "NAME [--reason TEXT] [--dry-run]",
      "Deny an agent everything until it is resumed.", NULL, "nhictl agent suspend ci-bot --reason 'odd hours'" },
    { "agent", "resume", agent_resume, resume_opts, sizeof(struct state_args), 1, 1, "NAME [--reason TEXT]",
      "Let a suspended agent in again.",
      "An agent whose owner is off-boarded needs another owner first: nhictl agent transfer.",
      "nhictl agent resume ci-bot" },
    { "agent", "retire", agent_retire, end_opts, sizeof(struct state_args), 1, 1, "NAME [--reason TEXT] [--dry-run]",
      "End an agent for good. This cannot be undone.",
      "Revokes its tickets and closes its tasks. Its name and uid are never used again; the uid keeps resolving,\n"
      "so that its files stay attributable.",
      "nhictl agent retire ci-bot --reason 'replaced by build-bot'" },
    { .verb = NULL },
};
