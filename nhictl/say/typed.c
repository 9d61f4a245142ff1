/* SPDX-License-Identifier: ISC */
#include "nhictl/say/typed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nhictl/say/ending.h"
#include "nhictl/say/shell.h"

void typed_help(const struct verb *v, char line[TYPED_MAX])
{
    snprintf(line, TYPED_MAX, "nhictl help %s%s%s", v->noun != NULL ? v->noun : "", v->noun != NULL ? " " : "",
             v->verb);
}

void typed_example(const struct verb *v, char line[TYPED_MAX])
{
    if (verb_ends(v))
        typed_help(v, line);
    else
        snprintf(line, TYPED_MAX, "%s", v->example);
}

/* scan ends something only where it is told to. */
static bool would_end(const struct ctl *c, const struct verb *v)
{
    for (int i = 0; i < c->typed_count; i++)
        if (strcmp(c->typed[i], "--revoke") == 0)
            return true;
    return verb_ends(v);
}

/* false: there is no room for it. */
static bool add(char line[TYPED_MAX], const char *text)
{
    size_t len = strlen(line);

    return *text == '\0' || snprintf(line + len, TYPED_MAX - len, " %s", text) < (int)(TYPED_MAX - len);
}

static bool add_quoted(char line[TYPED_MAX], const char *word)
{
    char *quoted = shell_quote(word);
    bool fits = add(line, quoted);

    free(quoted);
    return fits;
}

void typed_instead(const struct ctl *c, const struct verb *v, const struct typed_change *change, char line[TYPED_MAX])
{
    bool fits = !would_end(c, v);
    int at = 0;

    while (at < c->typed_count && &c->typed[at] != change->from)
        at++;
    fits = fits && at < c->typed_count;
    snprintf(line, TYPED_MAX, "nhictl");
    for (int i = 0; i < c->typed_count && fits; i++)
        if (i == at)
            fits = add(line, change->to);
        else if (i < at || i >= at + change->count)
            fits = add_quoted(line, c->typed[i]);
    if (!fits)
        typed_help(v, line);
}

bool typed_value_instead(const struct ctl *c, const char *wrong, const char *right, char line[TYPED_MAX])
{
    char option[TYPED_MAX], *quoted;

    for (int i = 0; c->verb != NULL && i < c->typed_count; i++) {
        const char *is = strncmp(c->typed[i], "--", 2) == 0 ? strchr(c->typed[i], '=') : NULL;

        if (strcmp(c->typed[i], "--") == 0)
            break;
        if (strcmp(c->typed[i], wrong) != 0 && (is == NULL || strcmp(is + 1, wrong) != 0))
            continue;
        snprintf(option, sizeof(option), "%.*s%s", is != NULL ? (int)(is + 1 - c->typed[i]) : 0, c->typed[i], right);
        quoted = shell_quote(option);
        typed_instead(c, c->verb, &(const struct typed_change){ &c->typed[i], 1, quoted }, line);
        free(quoted);
        return true;
    }
    return false;
}
