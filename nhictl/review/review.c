/* SPDX-License-Identifier: ISC */
/*
 * review: what needs a person's attention.
 */
#include "nhictl/review/review.h"

#include <stddef.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "nhictl/review/review_gather.h"
#include "nhictl/review/review_html.h"
#include "nhictl/review/review_judge.h"
#include "nhictl/review/review_list.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"

#define DAY INT64_C(86400)

struct review_args {
    const char *html, *fail_on;
    bool force;
    struct review_limits limits;
};

static const struct review_limits usual = { .window = 30 * DAY,
                                            .unused = 90 * DAY,
                                            .quiet = DAY,
                                            .standing = 7 * DAY,
                                            .longer = 10,
                                            .sources = 3,
                                            .kinds = 5,
                                            .denials = 5,
                                            .bearers = 5 };

/* Limits that were not given have their usual values. */
static struct review_limits limits_of(const struct review_args *args)
{
    struct review_limits l = args->limits;

#define USUAL(field) l.field = l.field != 0 ? l.field : usual.field
    USUAL(window);
    USUAL(unused);
    USUAL(quiet);
    USUAL(standing);
    USUAL(longer);
    USUAL(sources);
    USUAL(kinds);
    USUAL(denials);
    USUAL(bearers);
#undef USUAL
    return l;
}

static bool is_level(const char *word)
{
    return strcmp(word, "low") == 0 || strcmp(word, "medium") == 0 || strcmp(word, "high") == 0;
}

/* The moment before which nothing was looked at, since it is archived; 0: the whole window was. */
static int64_t blind_before(const struct review *r)
{
    int64_t cut = r->s->set.archived_before;

    return cut > r->c->now - r->limits.window ? cut : 0;
}

static void show_json(struct ctl *c, const struct review *r)
{
    struct out_row *head = out_row_new(c->out);

    out_time(head, "archived_before", NULL, blind_before(r));
    out_record(c->out, NULL, head);
    out_table(c->out, "findings", NULL);
    for (size_t i = 0; i < r->count; i++) {
        const struct finding *f = &r->findings[i];
        struct out_row *row = out_row_new(c->out);

        out_text(row, "level", NULL, review_level_name(f->level));
        out_text(row, "finding", NULL, f->kind);
        out_text(row, "owasp", NULL, f->owasp);
        out_text(row, "owasp_title", NULL, review_owasp_title(f->owasp));
        out_text(row, "agent", NULL, f->agent[0] != '\0' ? f->agent : NULL);
        out_text(row, "task", NULL, f->task[0] != '\0' ? f->task : NULL);
        out_text(row, "ticket", NULL, f->jti[0] != '\0' ? f->jti : NULL);
        out_text(row, "evidence", NULL, f->evidence);
        out_text(row, "command", NULL, f->command);
        out_table_row(c->out, row);
    }
}

static void show_text(struct ctl *c, const struct review *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct finding *f = &r->findings[i];

        out_line(c->out, "%-6s  %s: %s (%s %s)", review_level_name(f->level),
                 f->agent[0] != '\0' ? f->agent : "no agent", f->kind, f->owasp, review_owasp_title(f->owasp));
        out_line(c->out, "        %s", f->evidence);
        out_line(c->out, "        %s", f->command);
    }
}

static bool fails(const struct review *r, const char *level)
{
    /* The most serious comes first. */
    if (level == NULL || r->count == 0)
        return false;
    for (enum review_level l = r->findings[0].level; l >= REVIEW_LOW; l--)
        if (strcmp(level, review_level_name(l)) == 0)
            return true;
    return false;
}

static int answer(struct ctl *c, const struct review *r)
{
    const struct review_args *args = c->args;
    bool failed = fails(r, args->fail_on);
    char before[NHI_TIME_LEN + 1];
    int code = CTL_DONE;

    if (blind_before(r) != 0 && nhi_time_format(blind_before(r), before) == NHI_OK)
        ctl_note("events before %s are archived: nothing in them was reviewed", before);
    if (args->html != NULL)
        code = review_page(r, args->html);
    if (code != CTL_DONE)
        return code;
    if (args->html == NULL || c->json) {
        if (c->json)
            show_json(c, r);
        else
            show_text(c, r);
        if (failed)
            out_negative(c->out, "there are findings", NULL);
        code = ctl_answer(c);
    }
    return code == CTL_DONE && failed ? CTL_REFUSED : code;
}

static int review(struct ctl *c)
{
    const struct review_args *args = c->args;
    struct store s = { 0 };
    struct review r = { .c = c, .s = &s, .limits = limits_of(args) };
    int code = CTL_DONE;

    if (args->html != NULL && strcmp(args->html, "-") == 0 && c->json)
        code = ctl_fail(c, CTL_USAGE, "--html FILE", "standard output cannot be both JSON and HTML");
    if (code == CTL_DONE)
        code = text_need_new(c, args->html, args->force);
    if (code == CTL_DONE)
        code = store_read(c, &s);
    if (code == CTL_DONE)
        code = review_gather(&r);
    if (code == CTL_DONE) {
        review_judge(&r);
        code = answer(c, &r);
    }
    review_free(&r);
    store_close(&s);
    return code;
}

#define AT(field) offsetof(struct review_args, field)

static const struct opt review_opts[] = {
    { "html", OPT_PATH, AT(html), false, "FILE", "write an HTML page to FILE; - for standard output", NULL, 0 },
    TEXT_FORCE_OPT(AT(force)),
    { "fail-on", OPT_NAME, AT(fail_on), false, "LEVEL",
      "exit with 1 on a finding of this level or above: low, medium or high", is_level, 0 },
    { "window", OPT_DURATION, AT(limits.window), false, "SPAN", "how far to look back (30d)", NULL, 0 },
    { "unused", OPT_DURATION, AT(limits.unused), false, "SPAN", "report an agent without a grant for so long (90d)",
      NULL, 0 },
    { "quiet", OPT_DURATION, AT(limits.quiet), false, "SPAN",
      "report live tickets whose task had no grant for so long (24h)", NULL, 0 },
    { "standing", OPT_DURATION, AT(limits.standing), false, "SPAN",
      "report an agent that always held a ticket for so long (7d)", NULL, 0 },
    { "longer", OPT_NUMBER, AT(limits.longer), false, "N",
      "report tickets that live N times as long as they are used (10)", NULL, 0 },
    { "sources", OPT_NUMBER, AT(limits.sources), false, "N", "report an agent with more addresses, keys or hosts (3)",
      NULL, 0 },
    { "kinds", OPT_NUMBER, AT(limits.kinds), false, "N", "report an agent with more unrelated kinds of tasks (5)", NULL,
      0 },
    { "denials", OPT_NUMBER, AT(limits.denials), false, "N", "report an agent with so many denied attempts (5)", NULL,
      0 },
    { "bearers", OPT_NUMBER, AT(limits.bearers), false, "N",
      "report so many remote logins with tickets that are not bound to a key (5)", NULL, 0 },
    { .name = NULL },
};

const struct verb review_verbs[] = {
    { NULL, "review", review, review_opts, sizeof(struct review_args), 0, 0,
      "[--html FILE] [--fail-on LEVEL] [options]", "Report what needs a person's attention, the most serious first.",
      "Each finding has its evidence, the command that resolves it, and its entry of the OWASP\n"
      "Non-Human Identities Top 10 (2025). Prints nothing if there are no findings.",
      "nhictl review --fail-on high" },
    { .verb = NULL },
};
