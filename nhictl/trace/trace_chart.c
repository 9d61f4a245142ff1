/* SPDX-License-Identifier: ISC */
/*
 * The chart of a story: sessions and tickets as bars against time, and the events that ended them.
 *
 * MUST: the content of an event is written only through html_text. Numbers are our own.
 */
#include "nhictl/trace/trace_chart.h"

#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/say/format.h"
#include "nhictl/say/html.h"
#include "nhictl/trace/trace_sessions.h"
#include "nhictl/trace/trace_step.h"

#define TICKS 8

struct axis {
    int64_t from, until;
};

static double percent(const struct axis *x, int64_t at)
{
    double p = 100.0 * (double)(at - x->from) / (double)(x->until - x->from);

    return p < 0 ? 0 : p > 100 ? 100 : p;
}

static struct axis axis_of(const struct trace *t)
{
    struct axis x = { t->step[0].at, t->step[0].at };
    int64_t room;

    for (size_t i = 0; i < t->steps; i++) {
        x.from = t->step[i].at < x.from ? t->step[i].at : x.from;
        x.until = t->step[i].at > x.until ? t->step[i].at : x.until;
    }
    for (size_t i = 0; i < t->spans; i++) {
        const struct trace_span *s = &t->span[i];
        int64_t end = s->ended != 0 ? s->ended : t->now;

        x.from = s->began < x.from ? s->began : x.from;
        x.until = end > x.until ? end : x.until;
    }
    room = (x.until - x.from) / 20 + 1;
    x.from -= room;
    x.until += room;
    return x;
}

static int64_t tick_width(int64_t span)
{
    static const int64_t steps[] = { 1,    2,    5,    10,    15,    30,    60,    120,    300,    600,     900,
                                     1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 1209600, 2419200 };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (span / steps[i] <= TICKS)
            return steps[i];
    return span / TICKS + 1;
}

static void put_axis(FILE *f, const struct axis *x)
{
    int64_t width = tick_width(x->until - x->from), at = x->from - x->from % width + width;
    char moment[NHI_TIME_LEN + 1];

    fputs("<div class=\"axis\">", f);
    for (int64_t tick = at; tick < x->until; tick += width) {
        if (nhi_time_format(tick, moment) != NHI_OK)
            continue;
        fprintf(f, "<span class=\"tick\" style=\"left:%.3f%%\">", percent(x, tick));
        if (width >= 86400)
            fprintf(f, "%.5s</span>", moment + 5);
        else
            fprintf(f, width % 60 != 0 ? "%.8s</span>" : "%.5s</span>", moment + 11);
    }
    fputs("</div>\n", f);
    for (int64_t tick = at; tick < x->until; tick += width)
        fprintf(f, "<div class=\"grid\" style=\"left:%.3f%%\"></div>\n", percent(x, tick));
}

/* Draws each event that ended something as a line through all bars. */
static bool put_ends(FILE *f, struct trace *t, const struct axis *x)
{
    for (size_t i = 0; i < t->steps; i++) {
        const struct trace_told *s = trace_step_at(t, i);

        if (s == NULL)
            return false;
        if (s->tone == TONE_BAD && s->e.decision[0] == '\0')
            fprintf(f, "<div class=\"end\" style=\"left:%.3f%%\"></div>\n", percent(x, s->e.at));
    }
    return true;
}

static void put_name(FILE *f, const char *name, const char *more)
{
    fputs("<div class=\"row\"><div class=\"name\" title=\"", f);
    html_text(f, name);
    if (more[0] != '\0') {
        fputs(" ", f);
        html_text(f, more);
    }
    fputs("\">", f);
    html_text(f, name);
    if (more[0] != '\0') {
        fputs(" <span class=\"dim\">", f);
        html_text(f, more);
        fputs("</span>", f);
    }
    fputs("</div>", f);
}

/* Writes beside the bar, on the side with more room. */
static void put_note(FILE *f, double left, double right, const char *lasted, const char *why)
{
    if (right < 66)
        fprintf(f, "<span class=\"note\" style=\"left:calc(%.3f%% + 1rem)\">", right);
    else if (left > 34)
        fprintf(f, "<span class=\"note\" style=\"right:calc(%.3f%% + .4rem)\">", 100 - left);
    else
        fprintf(f, "<span class=\"note in\" style=\"left:calc(%.3f%% + .4rem)\">", left);
    fprintf(f, "%s, ", lasted);
    html_text(f, why);
    fputs("</span>", f);
}

static void put_session(FILE *f, const struct trace *t, const struct axis *x, const struct trace_session *s)
{
    int64_t end = s->ended != 0 ? s->ended : t->now;
    double left = percent(x, s->began), right = percent(x, end);
    char name[NHI_ACCOUNT_MAX + NHI_SERVICE_MAX + 16], lasted[OUT_AGO_LEN];

    snprintf(name, sizeof(name), "%s · %s", s->service, s->account);
    put_name(f, name, strcmp(s->from, "local") == 0 ? "" : s->from);
    fprintf(f, "<div class=\"bar session%s\" style=\"left:%.3f%%;width:%.3f%%\"></div>",
            s->ended == 0 ? " live"
            : s->cut      ? " cut"
                          : "",
            left, right - left);
    out_span(end > s->began ? end - s->began : 0, lasted);
    put_note(f, left, right, lasted, s->ended == 0 ? "live" : trace_reason(s->reason));
    fputs("</div>\n", f);
}

/* If a ticket was ended before it expired, the step that ended it has the time. */
static int64_t ticket_end(struct trace *t, const struct nhi_ticket_row *r)
{
    int64_t end = r->ticket.exp;

    for (size_t i = 0; r->revoked && i < t->steps; i++) {
        const struct trace_step *s = &t->step[i];
        const struct trace_told *told;

        if (!s->ends_tickets || s->at < r->ticket.iat || s->at >= end)
            continue;
        told = trace_step_at(t, i);
        if (told != NULL && (told->e.jti[0] == '\0' || strcmp(told->e.jti, r->ticket.jti) == 0))
            end = s->at;
    }
    return end;
}

static void put_ticket(FILE *f, struct trace *t, const struct axis *x, const struct nhi_ticket_row *r)
{
    char jti[TRACE_SHORT_LEN];
    int64_t end = ticket_end(t, r);
    double left = percent(x, r->ticket.iat), right = percent(x, end < x->until ? end : x->until);

    trace_short(r->ticket.jti, jti);
    put_name(f, "ticket", jti);
    fprintf(f, "<div class=\"bar ticket\" style=\"left:%.3f%%;width:%.3f%%\"></div></div>\n", left,
            right > left ? right - left : 0);
}

static bool put_denials(FILE *f, struct trace *t, const struct axis *x)
{
    bool any = false;

    for (size_t i = 0; i < t->steps; i++) {
        const struct trace_told *s;

        if (!t->step[i].denied)
            continue;
        if (!any)
            put_name(f, "denied", "");
        any = true;
        s = trace_step_at(t, i);
        if (s == NULL)
            return false;
        fprintf(f, "<span class=\"mark\" style=\"left:%.3f%%\" title=\"", percent(x, s->e.at));
        html_text(f, s->text);
        fputs("\">✕</span>", f);
    }
    if (any)
        fputs("</div>\n", f);
    return true;
}

static bool put_sessions(FILE *f, struct trace *t, const struct axis *x, size_t shown)
{
    for (size_t i = 0; i < shown; i++) {
        const struct trace_session *s = trace_session_at(t, i);

        if (s == NULL)
            return false;
        put_session(f, t, x, s);
    }
    return true;
}

bool trace_html_chart(FILE *f, struct trace *t)
{
    struct axis x = axis_of(t);
    size_t shown = t->spans < TRACE_BARS_MAX ? t->spans : TRACE_BARS_MAX;

    fputs("<h2>Against time</h2>\n<figure>\n<div class=\"chart\">\n", f);
    put_axis(f, &x);
    if (!put_ends(f, t, &x))
        return false;
    /* The newest first. */
    for (size_t i = 0; i < t->tickets && i < TRACE_BARS_MAX; i++)
        put_ticket(f, t, &x, &t->ticket[t->tickets - 1 - i]);
    if (!put_sessions(f, t, &x, shown) || !put_denials(f, t, &x))
        return false;
    fputs("</div>\n"
          "<p class=\"key\"><i></i>session that ended by itself<i class=\"k2\"></i>cut off<i class=\"k3\"></i>ticket "
          "while it was valid &emsp;<b class=\"bad\">✕</b> denied &emsp;<b class=\"bad\">┆</b> cause of an end &emsp;▶ "
          "still live. All times are UTC.</p>\n",
          f);
    if (t->spans > shown)
        fprintf(f, "<p class=\"dim\">%zu more sessions are in the list below.</p>\n", t->spans - shown);
    fputs("</figure>\n", f);
    return true;
}
