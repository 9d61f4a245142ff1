/* SPDX-License-Identifier: ISC */
/*
 * The page of review.
 */
#include "nhictl/review/review_html.h"

#include <stdio.h>
#include <string.h>

#include "nhictl/review/review_list.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/html.h"
#include "nhictl/store/store.h"

static const char css[] = ".sum{display:flex;gap:2rem;margin:1.2rem 0}.sum "
                          "b{font-size:1.6rem;display:block;line-height:1.1}\n"
                          "article{border-left:4px solid var(--line);padding:.1rem 0 .1rem .9rem;margin:0 0 1.1rem;"
                          "break-inside:avoid}\n"
                          "article.high{border-color:var(--bad)}article.medium{border-color:var(--warn)}"
                          "article.low{border-color:var(--bar)}\n"
                          "article h3{font-size:1rem;margin:0}article p{overflow-wrap:anywhere}\n"
                          "article code{display:block;background:var(--wash);padding:.35rem .6rem;margin:.35rem 0}\n";

static size_t count_of(const struct review *r, enum review_level level)
{
    size_t n = 0;

    for (size_t i = 0; i < r->count; i++)
        n += r->findings[i].level == level;
    return n;
}

static void put_sum(FILE *f, const struct review *r)
{
    static const char *const looks[] = { [REVIEW_HIGH] = "bad", [REVIEW_MEDIUM] = "warn", [REVIEW_LOW] = "dim" };

    fputs("<div class=\"sum\">\n", f);
    for (enum review_level l = REVIEW_HIGH; l >= REVIEW_LOW; l--)
        fprintf(f, "<div class=\"%s\"><b>%zu</b> %s</div>\n", looks[l], count_of(r, l), review_level_name(l));
    fputs("</div>\n", f);
}

static void put_finding(FILE *f, const struct finding *x)
{
    fprintf(f, "<article class=\"%s\">\n<h3>", review_level_name(x->level));
    html_text(f, x->agent);
    fprintf(f, ": %s <span class=\"dim\">%s %s</span></h3>\n<p>", x->kind, x->owasp, review_owasp_title(x->owasp));
    html_text(f, x->evidence);
    fputs("</p>\n<code>", f);
    html_text(f, x->command);
    fputs("</code>\n</article>\n", f);
}

int review_page(const struct review *r, const char *file)
{
    char title[NHI_HOST_MAX + 32];
    const struct finding *last = NULL;
    struct html h;

    snprintf(title, sizeof(title), "Agents of %s", r->s->set.host);
    html_begin(&h, title, css);
    fputs("<p class=\"dim\">What needs a person's attention, as of ", h.f);
    html_time(h.f, r->c->now);
    fputs(" UTC</p>\n", h.f);
    put_sum(h.f, r);
    if (r->count == 0)
        fputs("<p>No findings.</p>\n", h.f);
    for (size_t i = 0; i < r->count; i++) {
        const struct finding *x = &r->findings[i];

        if (last == NULL || x->level != last->level)
            fprintf(h.f, "<h2>%s</h2>\n", review_level_name(x->level));
        last = x;
        put_finding(h.f, x);
    }
    fputs("<footer>nhictl review. Entries are those of the OWASP Non-Human Identities Top 10 "
          "(2025).</footer>\n",
          h.f);
    return html_end(r->c, &h, file);
}
