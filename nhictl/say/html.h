/* SPDX-License-Identifier: ISC */
/*
 * Pages: one self-contained HTML document, without scripts, which loads nothing and can be printed. The caller writes
 * the content; the frame, the common style and the escaping are here.
 *
 * Markup is written to f with fprintf, text from anywhere with html_text.
 */
#ifndef NHICTL_HTML_H
#define NHICTL_HTML_H

#include <stdint.h>
#include <stdio.h>

struct ctl;

struct html {
    FILE *f;
    char *page;
    size_t len;
};

/* Begins a page in memory: head, style and heading. css: rules of the caller's own, or NULL. Running out of
 * memory ends the program, as in out.h. */
void html_begin(struct html *h, const char *title, const char *css);

/* Text as the content of an element or as the value of an attribute in double quotes, where it cannot be taken for
 * markup. Special characters are escaped as by out_escape. */
void html_text(FILE *f, const char *text);

/* A moment as an element <time>. 0: "never". */
void html_time(FILE *f, int64_t t);

/* Ends the page and writes it to FILE, which only root can read then, or to standard output for "-". Returns CTL_DONE,
 * or another exit code after reporting what was wrong. Frees the page. */
int html_end(struct ctl *c, struct html *h, const char *file);
/* Frees it without writing anything. */
void html_drop(struct html *h);

#endif
