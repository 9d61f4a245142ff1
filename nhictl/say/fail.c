/* SPDX-License-Identifier: ISC */
/*
 * What went wrong, and what to type instead.
 */
#include "nhictl/say/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "nhictl/say/format.h"

static void say(const char *prefix, const char *text)
{
    fputs(prefix, stderr);
    out_escape(stderr, text);
    putc('\n', stderr);
}

/* An error in a file is found before anything is written. */
static char *with_place(const char *where, char *text)
{
    char *whole;

    if (where == NULL || text == NULL || asprintf(&whole, "%s: %s; nothing was changed", where, text) < 0)
        return text;
    free(text);
    return whole;
}

int ctl_fail(struct ctl *c, int code, const char *hint, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    text = with_place(c->where, text);
    snprintf(c->said, sizeof(c->said), "%s", text != NULL ? text : "out of memory");
    say("nhictl: ", text != NULL ? text : "out of memory");
    if (hint != NULL)
        say("try: ", hint);
    if (c->json) {
        struct out *o = out_new(true, c->now);

        out_negative(o, text != NULL ? text : "out of memory", hint);
        /* The exit code reports the failure already. */
        (void)out_finish(o);
        out_free(o);
    }
    free(text);
    return code;
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
