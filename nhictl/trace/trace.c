/* SPDX-License-Identifier: ISC */
/*
 * trace: the story of a task, an agent, a ticket or a session.
 */
#include "nhictl/trace/trace.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_task.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/say/text_file.h"
#include "nhictl/trace/trace_html.h"
#include "nhictl/trace/trace_read.h"
#include "nhictl/trace/trace_sessions.h"
#include "nhictl/trace/trace_step.h"

struct trace_args {
    const char *agent, *ticket, *session, *html;
    bool force;
};

/* Whether all steps are on one day, so that the day need not be repeated. */
static bool is_one_day(const struct trace *t)
{
    return t->steps == 0 || t->step[0].at / 86400 == t->step[t->steps - 1].at / 86400;
}

static void clock_text(int64_t at, bool one_day, char out[NHI_TIME_LEN + 1])
{
    char moment[NHI_TIME_LEN + 1];

    if (nhi_time_format(at, moment) != NHI_OK)
        snprintf(moment, sizeof(moment), "0000-00-00T00:00:00Z");
    if (one_day)
        snprintf(out, NHI_TIME_LEN + 1, "%.8s", moment + 11);
    else
        snprintf(out, NHI_TIME_LEN + 1, "%.5s %.8s", moment + 5, moment + 11);
}

static void out_uid(struct out_row *r, const char *key, int64_t uid)
{
    if (uid < 0)
        out_text(r, key, NULL, NULL);
    else
        out_number(r, key, NULL, uid);
}

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

/* ---- head ---- */

static void answer_head(struct ctl *c, const struct trace *t)
{
    struct out_row *r = out_row_new(c->out);
    const struct nhi_task *k = &t->task;
    bool closed = t->has_task && k->state != NHI_TASK_OPEN;

    out_text(r, "by", NULL, trace_by_name(t->by));
    out_text(r, "id", t->by == TRACE_TASK || t->by == TRACE_AGENT ? NULL : trace_by_name(t->by), t->id);
    out_text(r, "host", NULL, t->host);
    out_text(r, "agent", "agent", t->has_agent ? t->agent.account.name : NULL);
    out_text(r, "purpose", "purpose", t->has_agent ? t->agent.purpose : NULL);
    out_text(r, "owner", "owner", t->has_agent ? t->agent.owner : NULL);
    out_text(r, "agent_state", NULL, t->has_agent ? agent_state_name(t->agent.state) : NULL);
    out_text(r, "task", t->has_task ? "task" : NULL, t->has_task ? k->id : NULL);
    out_state(r, "state", t->has_task ? "state" : NULL, t->has_task ? task_state_name(k, c->now) : NULL);
    out_time(r, "opened", t->has_task ? "opened" : NULL, t->has_task ? k->opened : 0);
    out_time(r, "deadline", t->has_task && !closed ? "deadline" : NULL, t->has_task ? k->deadline : 0);
    out_time(r, "closed", closed ? "closed" : NULL, closed ? k->closed : 0);
    out_text(r, "reason", closed && k->reason[0] != '\0' ? "reason" : NULL, closed ? or_null(k->reason) : NULL);
    out_time(r, "archived_before", t->archived_before != 0 ? "archived before" : NULL, t->archived_before);
    out_record(c->out, "trace", r);
    out_line(c->out, "%s", "");
}

/* ---- steps ---- */

static void answer_step(struct ctl *c, const struct trace_told *s, bool one_day)
{
    struct out_row *r = out_table_row_new(c->out);
    const struct nhi_event *e = &s->e;
    char clock[NHI_TIME_LEN + 1];

    clock_text(e->at, one_day, clock);
    out_state(r, NULL, "time", clock);
    out_state(r, "step", "step", s->word);
    out_state(r, "who", "who", s->who);
    out_text(r, "text", "what", s->text);
    out_number(r, "event", NULL, e->seq);
    out_text(r, "kind", NULL, e->kind);
    out_time(r, "at", NULL, e->at);
    out_uid(r, "ms", s->ms);
    out_uid(r, "uid", s->uid);
    out_uid(r, "loginuid", s->loginuid);
    out_uid(r, "sudo_uid", s->sudo_uid);
    out_text(r, "agent", NULL, or_null(e->agent));
    out_text(r, "owner", NULL, or_null(e->owner));
    out_text(r, "task", NULL, or_null(e->task));
    out_text(r, "ticket", NULL, or_null(e->jti));
    out_text(r, "issuer", NULL, or_null(e->kid));
    out_text(r, "account", NULL, or_null(e->account));
    out_text(r, "service", NULL, or_null(e->service));
    out_text(r, "source", NULL, or_null(e->source));
    out_text(r, "from", NULL, or_null(e->from));
    out_text(r, "decision", NULL, or_null(e->decision));
    out_text(r, "reason", NULL, or_null(e->reason));
    out_text(r, "rule", NULL, or_null(e->rule));
    out_text(r, "policy", NULL, or_null(e->policy));
    out_text(r, "proof", NULL, or_null(e->proof));
    out_text(r, "record", NULL, or_null(e->record));
    out_text(r, "session", NULL, or_null(e->session));
    out_text(r, "within", NULL, or_null(e->within));
    out_text(r, "cause", NULL, or_null(e->cause));
    out_table_row(c->out, r);
}

/* ---- sessions ---- */

static void answer_session(struct ctl *c, const struct trace_session *s, bool one_day)
{
    struct out_row *r = out_table_row_new(c->out);
    char began[NHI_TIME_LEN + 1], where[NHI_ACCOUNT_MAX + NHI_SERVICE_MAX + NHI_HOST_MAX + 32];
    int64_t lasted = (s->ended != 0 ? s->ended : c->now) - s->began;

    clock_text(s->began, one_day, began);
    snprintf(where, sizeof(where), "%s %s%s%s", s->service, s->account,
             strcmp(s->from, "local") == 0 || s->from[0] == '\0' ? "" : " from ",
             strcmp(s->from, "local") == 0 ? "" : s->from);
    out_state(r, NULL, "began", began);
    out_duration(r, "seconds", "lasted", lasted > 0 ? lasted : 0);
    out_state(r, NULL, "end", s->ended == 0 ? "live" : s->cut ? "cut off" : "ended");
    out_text(r, NULL, "session", where);
    out_text(r, NULL, "because", s->ended == 0 ? NULL : trace_reason(s->reason));
    out_text(r, "session", NULL, or_null(s->handle));
    out_text(r, "record", NULL, or_null(s->grant));
    out_text(r, "agent", NULL, or_null(s->agent));
    out_text(r, "task", NULL, or_null(s->task));
    out_text(r, "ticket", NULL, or_null(s->jti));
    out_text(r, "account", NULL, or_null(s->account));
    out_text(r, "service", NULL, or_null(s->service));
    out_text(r, "from", NULL, or_null(s->from));
    out_text(r, "rule", NULL, or_null(s->rule));
    out_time(r, "began", NULL, s->began);
    out_time(r, "ended", NULL, s->ended);
    out_flag(r, "live", NULL, s->ended == 0);
    out_text(r, "reason", NULL, or_null(s->reason));
    out_table_row(c->out, r);
}

static int cannot_read(struct ctl *c)
{
    return ctl_fail(c, CTL_SYSTEM, "nhictl audit verify", "an event can no longer be read");
}

static bool answer_steps(struct ctl *c, struct trace *t, bool one_day)
{
    /* The last column needs none. */
    const size_t width[4] = { one_day ? 8 : 14, t->word_width, t->who_width, 0 };

    out_table(c->out, "steps", "nothing has happened yet");
    out_stream(c->out, width);
    for (size_t i = 0; i < t->steps; i++) {
        const struct trace_told *s = trace_step_at(t, i);

        if (s == NULL)
            return false;
        answer_step(c, s, one_day);
    }
    return true;
}

static bool answer_sessions(struct ctl *c, struct trace *t, bool one_day)
{
    if (t->spans > 0)
        out_line(c->out, "%s", "");
    out_table(c->out, "sessions", NULL);
    out_stream(c->out, NULL);
    for (size_t i = 0; i < t->spans; i++) {
        const struct trace_session *s = trace_session_at(t, i);

        if (s == NULL)
            return false;
        answer_session(c, s, one_day);
    }
    return true;
}

static int answer(struct ctl *c, struct trace *t)
{
    bool one_day = is_one_day(t);

    answer_head(c, t);
    if (!answer_steps(c, t, one_day) || !answer_sessions(c, t, one_day))
        return cannot_read(c);
    return ctl_answer(c);
}

/* ---- the verb ---- */

static int which(struct ctl *c, struct trace *t)
{
    const struct trace_args *args = c->args;
    const char *ids[] = { c->operand_count > 0 ? c->operand[0] : NULL, args->agent, args->ticket, args->session };
    int given = 0;

    for (int by = TRACE_TASK; by <= TRACE_SESSION; by++)
        if (ids[by] != NULL) {
            t->by = (enum trace_by)by;
            t->id = ids[by];
            given++;
        }
    if (given != 1)
        return ctl_fail(c, CTL_USAGE, "nhictl trace TASK",
                        "trace takes exactly one of a task, --agent, --ticket and --session");
    if (args->html != NULL && c->json)
        return ctl_fail(c, CTL_USAGE, NULL, "--html and --json cannot be combined");
    return text_need_new(c, args->html, args->force);
}

static int trace(struct ctl *c)
{
    const struct trace_args *args = c->args;
    struct trace t = { .steps = 0 };
    struct store s = { .l = NULL };
    int code = which(c, &t);

    if (code == CTL_DONE)
        code = store_read(c, &s);
    if (code == CTL_DONE)
        code = trace_read(c, &s, &t, args->html != NULL);
    if (code == CTL_DONE)
        code = args->html != NULL ? trace_html(c, &t, args->html) : answer(c, &t);
    trace_free(&t);
    store_close(&s);
    return code;
}

/* A session's handle, or the record of the decision that opened it. */
static bool is_session(const char *s)
{
    size_t len = strlen(s);

    return len > 0 && len <= NHI_TREE_MAX &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len;
}

#define AT(field) offsetof(struct trace_args, field)

static const struct opt trace_opts[] = {
    { "agent", OPT_NAME, AT(agent), false, "NAME", "everything that an agent did", nhi_name_is_agent, 0 },
    { "ticket", OPT_NAME, AT(ticket), false, "JTI", "a ticket, the tickets that it renews, and those that renewed it",
      nhi_name_is_jti, 0 },
    { "session", OPT_NAME, AT(session), false, "SESSION", "a session, with its name from session list", is_session, 0 },
    { "html", OPT_PATH, AT(html), false, "FILE", "write an HTML page to FILE; - for standard output", NULL, 0 },
    TEXT_FORCE_OPT(AT(force)),
    { .name = NULL },
};

const struct verb trace_verbs[] = {
    { NULL, "trace", trace, trace_opts, sizeof(struct trace_args), 0, 1,
      "TASK | --agent NAME | --ticket JTI | --session SESSION [--html FILE]",
      "Show what happened, in order: who, what, when, why.",
      "From the first ticket, through logins, sudo and renewals, to the end and its cause, with the\n"
      "sessions and their durations.",
      "nhictl trace build-4711" },
    { .verb = NULL },
};
