/*
 * What nhictl says about itself and about what went wrong.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "nhictl/ctl.h"

static void say(const char *prefix, const char *text)
{
    fputs(prefix, stderr);
    out_escape(stderr, text);
    putc('\n', stderr);
}

/* What is wrong in a file is found before anything is written. */
static char *with_place(const char *where, char *text)
{
    char *whole;

    if (where == NULL || text == NULL ||
        asprintf(&whole, "%s: %s; nothing was changed", where, text) < 0)
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
        /* The exit code tells of the failure already. */
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

static void put_option(const char *name, const char *arg, const char *help)
{
    char left[64];

    snprintf(left, sizeof(left), "--%s%s%s", name, arg != NULL ? " " : "", arg != NULL ? arg : "");
    printf("  %-24s %s\n", left, help);
}

int help_verb(const struct verb *v)
{
    printf("usage: nhictl %s%s%s%s%s\n\n", v->noun != NULL ? v->noun : "",
           v->noun != NULL ? " " : "", v->verb, *v->synopsis != '\0' ? " " : "", v->synopsis);
    printf("%s\n", v->summary);
    if (v->about != NULL)
        printf("%s\n", v->about);
    putchar('\n');
    for (const struct opt *o = v->opts; o != NULL && o->name != NULL; o++)
        put_option(o->name, o->arg, o->help);
    put_option("json", NULL, "answer with one JSON object");
    put_option("help", NULL, "show this");
    printf("\nexample:\n  %s\n", v->example);
    return fflush(stdout) == 0 ? CTL_DONE : CTL_SYSTEM;
}

void help_overview(FILE *f, const char *noun)
{
    const struct verb *const *tables = help_tables();

    fprintf(f, "usage: nhictl %s [options]\n\n", noun != NULL ? noun : "COMMAND");
    for (size_t t = 0; tables[t] != NULL; t++)
        for (const struct verb *v = tables[t]; v->verb != NULL; v++) {
            char name[48];

            if (noun != NULL && (v->noun == NULL || strcmp(v->noun, noun) != 0))
                continue;
            snprintf(name, sizeof(name), "%s%s%s", v->noun != NULL ? v->noun : "",
                     v->noun != NULL ? " " : "", v->verb);
            fprintf(f, "  %-16s %s\n", name, v->summary);
        }
    fputs("\nEvery command takes --json and --help. Manual: nhictl(8).\n", f);
}
