/* SPDX-License-Identifier: ISC */
/*
 * task open, list, show, close.
 */
#include <stddef.h>
#include <string.h>

#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/end/other_hosts.h"
#include "nhictl/revoke/revoke.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"
#include "nhictl/store/tree.h"
#include "nhictl/store/unknown.h"
#include "nhictl/task/task.h"
#include "nhictl/task/task_many.h"

extern const struct verb task_verbs[];

#define UNTIL_MAX ((int64_t)30 * 86400)

struct list_args {
    const char *agent;
    bool all;
};

struct close_args {
    const char *reason;
    struct look_opts look;
};

static int check_agent(struct ctl *c, struct store *s, const char *name)
{
    struct nhi_agent a;
    enum nhi_err err = nhi_agent_get(s->l, name, &a);

    if (err == NHI_ERR_NOT_FOUND)
        return unknown_agent(c, s, name);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the agent");
    if (a.state == NHI_AGENT_SUSPENDED)
        return ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl agent show %s", name), "agent %s is suspended", name);
    if (a.state != NHI_AGENT_ACTIVE)
        return ctl_fail(c, CTL_REFUSED, NULL, "agent %s is retired", name);
    return CTL_DONE;
}

/* Two tasks of one agent at the same time can reach each other's processes: the uid is the boundary. */
static int check_alone(struct ctl *c, struct store *s, const char *agent)
{
    char id[NHI_TASK_MAX + 1];
    enum nhi_err err = nhi_task_open_of(s->l, agent, c->now, id);

    if (err == NHI_ERR_NOT_FOUND)
        return CTL_DONE;
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the tasks");
    return ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl task show %s, or add --concurrent", id),
                    "agent %s already has an open task: %s", agent, id);
}

static int check_id(struct ctl *c)
{
    if (nhi_name_is_task(c->operand[0]))
        return CTL_DONE;
    return ctl_fail(c, CTL_USAGE, NULL,
                    "'%s' is not a task ID: 1 to %d printable ASCII characters without space, quote or backslash",
                    c->operand[0], NHI_TASK_MAX);
}

int task_end_lost(struct ctl *c, struct store *s)
{
    enum nhi_err err = tree_end_gone(s->l, c->now);

    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "close the tasks of killed runs");
}

int task_open_in(struct ctl *c, struct store *s, const struct nhi_task *t, bool concurrent)
{
    struct out_row *detail;
    enum nhi_err err;
    int code = CTL_DONE;

    if (t->deadline > c->now + UNTIL_MAX)
        code = ctl_fail(c, CTL_REFUSED, NULL, "a task may stay open for 30 days at most");
    if (code == CTL_DONE)
        code = check_agent(c, s, t->agent);
    if (code == CTL_DONE && !concurrent)
        code = check_alone(c, s, t->agent);
    if (code != CTL_DONE)
        return code;
    detail = out_row_new(c->out);
    err = nhi_task_open(s->l, t, c->now);
    out_time(detail, "deadline", NULL, t->deadline);
    if (t->idle != 0)
        out_number(detail, "idle", NULL, t->idle);
    if (err == NHI_ERR_EXISTS) {
        out_row_free(detail);
        return ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl task show %s", t->id),
                        "task ID %s was used before, and IDs are never used again", t->id);
    }
    if (err == NHI_OK)
        err = store_event(c, s, (struct store_event){ .kind = "task-open", .agent = t->agent, .task = t->id }, detail);
    else
        out_row_free(detail);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "open the task");
}

int task_of(struct ctl *c, const struct open_args *args, struct nhi_task *t)
{
    int code = check_id(c);

    if (code != CTL_DONE)
        return code;
    *t = (struct nhi_task){ .state = NHI_TASK_OPEN, .opened = c->now, .idle = args->idle };
    t->deadline = args->until != 0 ? args->until : c->now + TASK_UNTIL_DEFAULT;
    snprintf(t->agent, sizeof(t->agent), "%s", args->agent);
    snprintf(t->id, sizeof(t->id), "%s", c->operand[0]);
    return CTL_DONE;
}

static int task_open(struct ctl *c)
{
    const struct open_args *args = c->args;
    struct store s = { 0 };
    struct nhi_task t;
    int code;

    if (args->from != NULL)
        return task_open_many(c, &task_verbs[0], args->from);
    code = task_of(c, args, &t);
    if (code == CTL_DONE)
        code = store_write(c, &s);
    if (code == CTL_DONE)
        code = store_need_sound(c, &s);
    if (code == CTL_DONE)
        code = task_end_lost(c, &s);
    if (code == CTL_DONE)
        code = task_open_in(c, &s, &t, args->concurrent);
    if (code == CTL_DONE)
        code = store_commit(c, &s);
    if (code == CTL_DONE) {
        out_record(c->out, "task", task_row(c->out, &t, c->now, true));
        code = ctl_answer(c);
    }
    store_close(&s);
    return code;
}

struct list_ctx {
    struct ctl *c;
    bool all;
};

static int list_one(const struct nhi_task *t, void *ctx)
{
    const struct list_ctx *l = ctx;

    if (l->all || t->state == NHI_TASK_OPEN)
        out_table_row(l->c->out, task_row(l->c->out, t, l->c->now, false));
    return 0;
}

static int task_list(struct ctl *c)
{
    const struct list_args *args = c->args;
    struct list_ctx l = { c, args->all };
    struct store s = { 0 };
    int code = store_read(c, &s);
    enum nhi_err err;

    if (code == CTL_DONE && args->agent != NULL)
        code = need_agent(c, &s, args->agent);
    if (code == CTL_DONE) {
        out_table(c->out, "tasks", args->all ? "no tasks" : "no open tasks");
        out_stream(c->out, NULL);
        err = nhi_task_each(s.l, args->agent, list_one, &l);
        code = err == NHI_OK ? ctl_answer(c) : store_fail(c, &s, err, "list the tasks");
    }
    store_close(&s);
    return code;
}

static int get(struct ctl *c, struct store *s, struct nhi_task *t)
{
    enum nhi_err err = NHI_ERR_NOT_FOUND;

    if (nhi_name_is_task(c->operand[0]))
        err = nhi_task_get(s->l, c->operand[0], t);
    if (err == NHI_ERR_NOT_FOUND)
        return unknown_task(c, s, c->operand[0]);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the task");
}

static int ticket_one(const struct nhi_ticket_row *r, void *ctx)
{
    struct ctl *c = ctx;

    out_table_row(c->out, ticket_row(c->out, r, c->now, false));
    return 0;
}

static int task_show(struct ctl *c)
{
    struct store s = { 0 };
    struct nhi_task t;
    enum nhi_err err;
    int code = store_read(c, &s);

    if (code == CTL_DONE)
        code = get(c, &s, &t);
    if (code == CTL_DONE) {
        out_record(c->out, "task", task_row(c->out, &t, c->now, true));
        out_table(c->out, "tickets", "no tickets");
        err = nhi_ticket_each(s.l, &(struct nhi_ticket_filter){ .task = t.id }, ticket_one, c);
        code = err == NHI_OK ? ctl_answer(c) : store_fail(c, &s, err, "list the tickets");
    }
    store_close(&s);
    return code;
}

static int close_it(struct ctl *c, struct store *s, const struct nhi_task *t)
{
    const struct close_args *args = c->args;
    enum nhi_err err;

    err = nhi_task_close(s->l, t->id, args->reason != NULL ? args->reason : "", c->now);
    if (err == NHI_OK)
        err = store_event(
            c, s, (struct store_event){ .kind = "task-close", .agent = t->agent, .task = t->id, .cause = args->reason },
            NULL);
    return err == NHI_OK ? store_commit(c, s) : store_fail(c, s, err, "close the task");
}

static int close_this(struct ctl *c, struct look *look, void *ctx)
{
    const struct revocation r = { .kind = NHI_REVOKE_TASK, .id = c->operand[0], .reason = "" };
    struct store s = { 0 };
    struct nhi_task t = { .id = "" };
    struct ended ended;
    int code;

    (void)ctx;
    code = look != NULL ? store_read(c, &s) : store_write(c, &s);
    if (code == CTL_DONE)
        code = get(c, &s, &t);
    if (code == CTL_DONE && t.state != NHI_TASK_OPEN)
        code = ctl_fail(c, CTL_REFUSED, NULL, "task %s is already closed", t.id);
    if (look != NULL) {
        store_close(&s);
        return code == CTL_DONE ? revoke_look(c, &r, look) : code;
    }
    if (code == CTL_DONE)
        code = close_it(c, &s, &t);
    if (code == CTL_DONE && nhi_task_get(s.l, c->operand[0], &t) == NHI_OK) {
        ended = end_named(c, s.l, &r, s.set.grace);
        out_line(c->out, "task %s is closed", t.id);
        ended_show(c, &ended);
        other_hosts_show(c, s.l, NHI_REVOKE_TASK, t.id, NULL);
        out_member(c->out, "task", task_row(c->out, &t, c->now, true));
        code = ended_answer(c, &ended);
    }
    if (code == CTL_SYSTEM && !s.committed)
        ctl_note("its tickets can be ended without the ledger: nhictl revoke --task %s", c->operand[0]);
    store_close(&s);
    return code;
}

static int task_close(struct ctl *c)
{
    const struct close_args *args = c->args;
    char sentence[NHI_TEXT_MAX];

    snprintf(sentence, sizeof(sentence), "close task %s", c->operand[0]);
    return look_first(c, &args->look, &(const struct look_verb){ .sentence = sentence, .run = close_this });
}

static const struct opt open_opts[] = {
    { "agent", OPT_NAME, offsetof(struct open_args, agent), true, "NAME", "the agent that does the work",
      nhi_name_is_agent, 0 },
    { "until", OPT_UNTIL, offsetof(struct open_args, until), false, "WHEN",
      "2h, or 2027-06-30T12:00:00Z (default 8h, at most 30d)", NULL, 0 },
    { "idle", OPT_DURATION, offsetof(struct open_args, idle), false, "SPAN",
      "close it after so long without a session or a grant", NULL, 0 },
    { "concurrent", OPT_FLAG, offsetof(struct open_args, concurrent), false, NULL,
      "allow it beside another open task of the agent: both can reach each other", NULL, 0 },
    { "from", OPT_LINES, offsetof(struct open_args, from), false, "FILE|-",
      "open one for each line: an ID and these options", NULL, 0 },
    { .name = NULL },
};

static const struct opt list_opts[] = {
    { "agent", OPT_NAME, offsetof(struct list_args, agent), false, "NAME", "only this agent's", nhi_name_is_agent, 0 },
    { "all", OPT_FLAG, offsetof(struct list_args, all), false, NULL, "closed ones too", NULL, 0 },
    { .name = NULL },
};

static const struct opt close_opts[] = {
    { "reason", OPT_TEXT, offsetof(struct close_args, reason), false, "TEXT", "why", NULL, NHI_TEXT_MAX },
    LOOK_OPTS(offsetof(struct close_args, look)),
    { .name = NULL },
};

const struct verb task_verbs[] = {
    { "task", "open", task_open, open_opts, sizeof(struct open_args), 1, 1,
      "ID --agent NAME [--until WHEN] [--idle SPAN] [--concurrent] | --from FILE|- [options]",
      "Open a task for an agent.", "ID is your own name for the work: a job, a change, a run. It is never used again.",
      "nhictl task open build-4711 --agent ci-bot --until 2h --idle 30m" },
    { "task", "list", task_list, list_opts, sizeof(struct list_args), 0, 0, "[--agent NAME] [--all]",
      "List open tasks.", NULL, "nhictl task list --agent ci-bot" },
    { "task", "show", task_show, NULL, 0, 1, 1, "ID", "Show one task and its tickets.", NULL,
      "nhictl task show build-4711" },
    { "task", "close", task_close, close_opts, sizeof(struct close_args), 1, 1, "ID [--reason TEXT] [--dry-run]",
      "Close a task, and end every ticket for it at once.", "A closed task never opens again.",
      "nhictl task close build-4711 --reason done" },
    { .verb = NULL },
};
