/* SPDX-License-Identifier: ISC */
/*
 * A story as a page: facts, the chart, and every step.
 *
 * MUST: the content of an event is written only through html_text. Numbers are our own.
 */
#include "nhictl/trace/trace_html.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/ledger_task.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/html.h"
#include "nhictl/say/rows.h"
#include "nhictl/trace/trace_chart.h"
#include "nhictl/trace/trace_step.h"

static const char css[] =
    "@media(min-width:48rem){dl{grid-template-columns:max-content 1fr max-content 1fr}}\n"
    "td,th{padding-right:1.2rem}\n"
    "figure{margin:0 0 1rem}\n"
    ".chart{position:relative;margin-left:13rem;border-left:1px solid var(--line)}\n"
    ".axis{position:relative;height:1.6rem;border-bottom:1px solid var(--line);color:var(--dim);font-size:.8rem}\n"
    ".tick{position:absolute;bottom:.1rem;transform:translateX(-50%);font-variant-numeric:tabular-"
    "nums}\n"
    ".grid{position:absolute;top:1.6rem;bottom:0;width:1px;background:var(--line)}\n"
    ".end{position:absolute;top:1.6rem;bottom:0;width:0;border-left:2px dashed var(--bad);z-index:2}\n"
    ".row{position:relative;height:1.9rem;border-bottom:1px solid var(--wash)}\n"
    ".name{position:absolute;right:100%;width:12.5rem;margin-right:.5rem;top:.28rem;height:1.4rem;"
    "overflow:hidden;text-overflow:ellipsis;white-space:nowrap;text-align:right;font-size:.86rem}\n"
    ".bar{position:absolute;top:.45rem;height:1rem;min-width:4px;background:var(--bar);border-radius:2px;z-index:1}\n"
    ".bar.cut{border-right:5px solid var(--bad)}\n"
    ".bar.live{border-radius:2px 0 0 2px}\n"
    ".bar.live::after{content:\"\";position:absolute;left:100%;top:-.25rem;"
    "border:.75rem solid transparent;border-left-color:var(--bar);border-right:0}\n"
    ".bar.ticket{background:#c9d7ea;top:.7rem;height:.5rem}\n"
    ".mark{position:absolute;top:.25rem;transform:translateX(-50%);color:var(--bad);font-weight:700;"
    "line-height:1.4rem;z-index:3}\n"
    ".note{position:absolute;top:.32rem;font-size:.78rem;line-height:1.3rem;color:var(--dim);"
    "white-space:nowrap;z-index:3;background:rgba(255,255,255,.75);padding:0 .2rem}\n"
    ".note.in{color:#fff;background:none}\n"
    ".key{font-size:.8rem;color:var(--dim);margin-top:.6rem}\n"
    ".key i{display:inline-block;width:1.6rem;height:.7rem;margin:0 .35rem 0 1rem;border-radius:2px;"
    "background:var(--bar);vertical-align:-.02rem}\n"
    ".key i:first-child{margin-left:0}.key .k2{border-right:5px solid var(--bad)}"
    ".key .k3{background:#c9d7ea;height:.5rem}\n"
    "td small{display:block;color:var(--dim)}\n"
    "td.step{white-space:nowrap;font-weight:600}td.who{white-space:nowrap}td.what{overflow-wrap:"
    "anywhere}\n"
    "@media(max-width:40rem){.chart{margin-left:0}.row{height:3.1rem}.name{right:auto;left:0;top:0;"
    "text-align:left}.bar{top:1.7rem}.bar.ticket{top:1.95rem}.mark{top:1.5rem}.note{top:1.55rem}}\n"
    "@media(max-width:40rem){thead{display:none}tr{display:block;padding:.5rem 0;"
    "border-bottom:1px solid var(--line)}td{display:inline;border:0;padding:0 .6rem 0 0}td.what{display:block}}\n"
    "@media print{.chart{margin-left:11rem}.name{width:10.5rem}}\n";

/* ---- facts ---- */

static void fact(FILE *f, const char *name, const char *text)
{
    fprintf(f, "<dt>%s</dt><dd>", name);
    html_text(f, text);
    fputs("</dd>\n", f);
}

static void fact_time(FILE *f, const char *name, int64_t at)
{
    fprintf(f, "<dt>%s</dt><dd>", name);
    html_time(f, at);
    fputs("</dd>\n", f);
}

static void put_task(FILE *f, const struct trace *t)
{
    const struct nhi_task *k = &t->task;
    const char *state = task_state_name(k, t->now);
    bool open = strcmp(state, "open") == 0;

    if (t->by != TRACE_TASK)
        fact(f, "Task", k->id);
    fprintf(f, "<dt>State</dt><dd><b class=\"%s\">%s</b>", open ? "good" : "warn", state);
    if (k->reason[0] != '\0') {
        fputs(": ", f);
        html_text(f, k->reason);
    }
    fputs("</dd>\n", f);
    fact_time(f, "Opened", k->opened);
    if (k->closed != 0)
        fact_time(f, "Closed", k->closed);
    else
        fact_time(f, "Deadline", k->deadline);
}

static void put_facts(FILE *f, const struct trace *t)
{
    size_t denials = 0, live = 0;
    char text[96];

    for (size_t i = 0; i < t->steps; i++)
        denials += t->step[i].denied;
    for (size_t i = 0; i < t->spans; i++)
        live += t->span[i].ended == 0;
    fputs("<dl>\n", f);
    if (t->has_agent) {
        fact(f, "Agent", t->agent.account.name);
        fact(f, "Purpose", t->agent.purpose);
        fact(f, "Owner", t->agent.owner);
    }
    if (t->has_task)
        put_task(f, t);
    fact(f, "Host", t->host);
    snprintf(text, sizeof(text), "%zu, %zu of them live", t->spans, live);
    fact(f, "Sessions", text);
    snprintf(text, sizeof(text), "%zu", t->ticket_count);
    fact(f, "Tickets", text);
    snprintf(text, sizeof(text), "%zu", denials);
    fact(f, "Denials", text);
    fputs("</dl>\n", f);
}

/* ---- the list ---- */

static const char *class_of(enum trace_tone tone)
{
    return (const char *[]){ "", "good", "warn", "bad" }[tone];
}

static void put_detail(FILE *f, const char *before, const char *text, bool *first)
{
    if (text[0] == '\0')
        return;
    fprintf(f, "%s%s ", *first ? "<small>" : " · ", before);
    html_text(f, text);
    *first = false;
}

static void put_step(FILE *f, const struct trace_told *s)
{
    const struct nhi_event *e = &s->e;
    char number[24], policy[9];
    bool first = true;

    fputs("<tr><td>", f);
    html_time(f, e->at);
    fprintf(f, "</td><td class=\"step %s\">", class_of(s->tone));
    html_text(f, s->word);
    fputs("</td><td class=\"who\">", f);
    html_text(f, s->who);
    fputs("</td><td class=\"what\">", f);
    html_text(f, s->text);
    snprintf(number, sizeof(number), "%lld", (long long)e->seq);
    snprintf(policy, sizeof(policy), "%.8s", e->policy);
    put_detail(f, "ticket", e->jti, &first);
    put_detail(f, "shown by", e->source, &first);
    put_detail(f, "proof", e->proof, &first);
    put_detail(f, "session", e->session, &first);
    put_detail(f, "policy", policy, &first);
    put_detail(f, "owner", s->direct && e->decision[0] != '\0' ? e->owner : "", &first);
    put_detail(f, "event", number, &first);
    fputs("</small></td></tr>\n", f);
}

static bool put_steps(FILE *f, struct trace *t)
{
    fputs("<h2>Step by step</h2>\n<table>\n<thead><tr><th>Time (UTC)</th><th>Step</th><th>Who</th>"
          "<th>What</th></tr></thead>\n<tbody>\n",
          f);
    for (size_t i = 0; i < t->steps; i++) {
        const struct trace_told *s = trace_step_at(t, i);

        if (s == NULL)
            return false;
        put_step(f, s);
    }
    fputs("</tbody>\n</table>\n", f);
    return true;
}

static void put_foot(FILE *f, const struct trace *t)
{
    fputs("<footer>As the ledger of ", f);
    html_text(f, t->host);
    fputs(" had it at ", f);
    html_time(f, t->now);
    fputs(" UTC. The numbers are those of its events: <code>nhictl audit verify</code> proves them.", f);
    if (t->archived_before != 0) {
        fputs(" Older events are archived: those before ", f);
        html_time(f, t->archived_before);
        fputs(" UTC.", f);
    }
    fputs("</footer>\n", f);
}

int trace_html(struct ctl *c, struct trace *t, const char *file)
{
    static const char *const what[] = { "Task", "Agent", "Ticket", "Session" };
    char title[NHI_TASK_MAX + 16];
    struct html h;
    bool whole;

    snprintf(title, sizeof(title), "%s %s", what[t->by], t->id);
    html_begin(&h, title, css);
    put_facts(h.f, t);
    whole = (t->steps == 0 || trace_html_chart(h.f, t)) && put_steps(h.f, t);
    put_foot(h.f, t);
    if (whole)
        return html_end(c, &h, file);
    html_drop(&h);
    return ctl_fail(c, CTL_SYSTEM, "nhictl audit verify", "an event can no longer be read");
}
