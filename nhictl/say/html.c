/* SPDX-License-Identifier: ISC */
/*
 * MUST: text is written through html_text alone. MUST: the page loads nothing from anywhere, even if some text got
 * through: its content security policy allows its own style, and nothing else.
 */
#include "nhictl/say/html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/ticket/ticket.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/format.h"
#include "nhictl/say/out.h"
#include "nhictl/say/text_file.h"

#define PAGE_MODE 0600 /* only root could read its content before */

static const char style[] =
    ":root{color-scheme:light;--ink:#1c2430;--dim:#5d6878;--line:#d9dee6;--wash:#f5f7fa;"
    "--good:#1a7f4b;--warn:#9a6200;--bad:#b3261e;--bar:#3b6fb6}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:72rem;padding:2rem 1.5rem 3rem;color:var(--ink);background:#fff;"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',sans-serif}\n"
    "h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}\n"
    "h2{font-size:1.05rem;margin:2.2rem 0 .6rem}\n"
    "p{margin:.3rem 0}\n"
    ".dim,footer{color:var(--dim)}\n"
    ".good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}\n"
    "code,.mono{font:.9em ui-monospace,'DejaVu Sans Mono',Menlo,monospace;overflow-wrap:anywhere}\n"
    "time{font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th{text-align:left;font-weight:600;color:var(--dim);font-size:.85rem}\n"
    "th,td{padding:.38rem .7rem .38rem 0;border-bottom:1px solid var(--line);vertical-align:top}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:.8rem 0}\n"
    "dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}\n"
    "footer{margin-top:2.5rem;padding-top:.7rem;border-top:1px solid "
    "var(--line);font-size:.85rem}\n"
    "@page{margin:14mm}\n"
    "@media print{body{max-width:none;padding:0;font-size:10pt}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    "h2{break-after:avoid}tr,figure{break-inside:avoid}thead{display:table-header-group}}\n";

void html_text(FILE *f, const char *text)
{
    static const char special[] = "&<>\"'";
    size_t n;

    /* Writes runs of plain text, escaped as for a terminal, between the characters of markup. */
    while (*text != '\0') {
        char *run = out_must(strndup(text, n = strcspn(text, special)));

        out_escape(f, run);
        free(run);
        text += n;
        for (; *text != '\0' && strchr(special, *text) != NULL; text++)
            fprintf(f, "&#%d;", *text);
    }
}

void html_time(FILE *f, int64_t t)
{
    char moment[NHI_TIME_LEN + 1];

    if (t == 0 || nhi_time_format(t, moment) != NHI_OK)
        fputs("never", f);
    else
        fprintf(f, "<time datetime=\"%s\">%.10s %.8s</time>", moment, moment, moment + 11);
}

void html_begin(struct html *h, const char *title, const char *css)
{
    memset(h, 0, sizeof(*h));
    h->f = out_must(open_memstream(&h->page, &h->len));
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"referrer\" content=\"no-referrer\">\n<title>",
          h->f);
    html_text(h->f, title);
    fprintf(h->f, "</title>\n<style>\n%s%s</style>\n</head>\n<body>\n<h1>", style, css != NULL ? css : "");
    html_text(h->f, title);
    fputs("</h1>\n", h->f);
}

static bool print(const struct html *h)
{
    errno = 0;
    return fwrite(h->page, 1, h->len, stdout) == h->len && putchar('\n') != EOF && fflush(stdout) == 0;
}

int html_end(struct ctl *c, struct html *h, const char *file)
{
    int code = CTL_DONE;

    fputs("</body>\n</html>", h->f);
    if (fclose(h->f) != 0)
        out_must(NULL);
    if (strcmp(file, "-") != 0)
        code = text_write(c, file, h->page, PAGE_MODE);
    else if (!print(h))
        code = ctl_fail(c, CTL_SYSTEM, NULL, "could not write the page: %s", strerror(errno));
    free(h->page);
    memset(h, 0, sizeof(*h));
    return code;
}

void html_drop(struct html *h)
{
    fclose(h->f);
    free(h->page);
    memset(h, 0, sizeof(*h));
}
