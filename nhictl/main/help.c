/* SPDX-License-Identifier: ISC */
/*
 * The output of --help.
 */
#include "nhictl/main/help.h"

#include <string.h>

static void put_option(const char *name, const char *arg, const char *help)
{
    char left[64];

    snprintf(left, sizeof(left), "--%s%s%s", name, arg != NULL ? " " : "", arg != NULL ? arg : "");
    printf("  %-24s %s\n", left, help);
}

int help_verb(const struct verb *v)
{
    printf("usage: nhictl %s%s%s%s%s\n\n", v->noun != NULL ? v->noun : "", v->noun != NULL ? " " : "", v->verb,
           *v->synopsis != '\0' ? " " : "", v->synopsis);
    printf("%s\n", v->summary);
    if (v->about != NULL)
        printf("%s\n", v->about);
    putchar('\n');
    for (const struct opt *o = v->opts; o != NULL && o->name != NULL; o++)
        put_option(o->name, o->arg, o->help);
    put_option("json", NULL, "answer with one JSON object");
    put_option("help", NULL, "show this");
    printf("\nexample:\n  %s\n", v->example);
    printf("\nmanual: nhictl-%s(8)\n", v->noun != NULL ? v->noun : v->verb);
    return fflush(stdout) == 0 ? CTL_DONE : CTL_SYSTEM;
}

void help_overview(FILE *f, const struct verb *const *tables, const char *noun)
{
    fprintf(f, "usage: nhictl %s [options]\n\n", noun != NULL ? noun : "COMMAND");
    for (size_t t = 0; tables[t] != NULL; t++)
        for (const struct verb *v = tables[t]; v->verb != NULL; v++) {
            char name[48];

            if (noun != NULL && (v->noun == NULL || strcmp(v->noun, noun) != 0))
                continue;
            snprintf(name, sizeof(name), "%s%s%s", v->noun != NULL ? v->noun : "", v->noun != NULL ? " " : "", v->verb);
            fprintf(f, "  %-16s %s\n", name, v->summary);
        }
    fprintf(f, "\nEvery command takes --json and --help.%s Manual: nhictl%s%s(8).\n",
            noun == NULL ? " The version: nhictl --version." : "", noun != NULL ? "-" : "", noun != NULL ? noun : "");
}
