/* SPDX-License-Identifier: ISC */
/*
 * What went wrong, and what to type instead.
 */
#include "nhictl/say/fail.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nhictl/say/format.h"
#include "nhictl/say/progress.h"
#include "nhictl/say/shell.h"

static void say(const char *prefix, const char *text)
{
    progress_end();
    fputs(prefix, stderr);
    out_escape(stderr, text);
    putc('\n', stderr);
}

/* An error in a file is found before anything is written, unless something was done so far. */
static char *with_place(const struct ctl *c, char *text)
{
    const char *where = c->where != NULL ? c->where : "";
    char *whole;

    if (text == NULL || (where[0] == '\0' && c->so_far[0] == '\0') ||
        asprintf(&whole, "%s%s%s; %s", where, where[0] != '\0' ? ": " : "", text,
                 c->so_far[0] != '\0' ? c->so_far : "nothing was changed") < 0)
        return text;
    free(text);
    return whole;
}

static void of_line(struct ctl *c, const char *hint, const char *text)
{
    snprintf(c->said, sizeof(c->said), "%s", text != NULL ? text : "out of memory");
    snprintf(c->hint, sizeof(c->hint), "%s", hint != NULL ? hint : "");
}

int ctl_fail(struct ctl *c, int code, const char *hint, const char *fmt, ...)
{
    char *text = NULL, *both = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    if (c->of_line) {
        of_line(c, hint, text);
        free(text);
        return code;
    }
    text = with_place(c, text);
    if (c->so_far[0] != '\0' && hint == NULL)
        hint = c->go_on;
    else if (c->so_far[0] != '\0' && c->go_on != NULL && asprintf(&both, "%s, then: %s", hint, c->go_on) >= 0)
        hint = both;
    snprintf(c->said, sizeof(c->said), "%s", text != NULL ? text : "out of memory");
    say("nhictl: ", text != NULL ? text : "out of memory");
    if (hint != NULL)
        say("try: ", hint);
    /* Of an answer that was begun, what is there is no JSON: that reports it. */
    if (c->json && (c->out == NULL || !out_has_begun(c->out))) {
        struct out *o = out_new(true, c->now);

        out_negative(o, text != NULL ? text : "out of memory", hint);
        /* The exit code reports the failure already. */
        (void)out_finish(o);
        out_free(o);
    }
    if (hint == both)
        free(both);
    free(text);
    return code;
}

const char *ctl_hint(struct ctl *c, const char *fmt, ...)
{
    const size_t size = sizeof(c->proposed);
    size_t len = 0;
    va_list ap;

    va_start(ap, fmt);
    for (const char *at = fmt; *at != '\0' && len + 1 < size; at++) {
        char *word = strncmp(at, "%s", 2) == 0 ? shell_quote(va_arg(ap, const char *)) : NULL;
        int n = snprintf(c->proposed + len, size - len, "%.*s", word != NULL ? INT_MAX : 1, word != NULL ? word : at);

        at += word != NULL;
        len = n > 0 && (size_t)n < size - len ? len + (size_t)n : size - 1;
        free(word);
    }
    va_end(ap);
    c->proposed[len] = '\0';
    return c->proposed;
}

void ctl_negative(struct ctl *c, const char *error, const char *hint)
{
    say("nhictl: ", error);
    if (hint != NULL)
        say("try: ", hint);
    out_negative(c->out, error, hint);
}

void ctl_note(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) >= 0) {
        say("nhictl: ", text);
        free(text);
    }
    va_end(ap);
}

void ctl_refused(const char *where, const char *said, const char *hint)
{
    ctl_note("%s: %s", where, said);
    if (hint[0] != '\0')
        say("try: ", hint);
}
