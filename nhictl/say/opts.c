/* SPDX-License-Identifier: ISC */
#include "nhictl/say/opts.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/names.h"
#include "libnhi/base/time.h"
#include "libnhi/ticket/ticket.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/nearest.h"
#include "nhictl/say/out.h"
#include "nhictl/say/shell.h"
#include "nhictl/say/typed.h"

#define OPTS_MAX 20

static int bad_value(struct ctl *c, const struct opt *o, const char *value, const char *expected)
{
    return ctl_fail(c, CTL_USAGE, NULL, "--%s takes %s, not '%s'", o->name, expected, value);
}

static int take_duration(struct ctl *c, const struct opt *o, const char *value, int64_t *to)
{
    if (!nhi_span_parse(value, to))
        return bad_value(c, o, value, "a time span such as 90s, 15m, 1h30m or 2d, at most 366d");
    return CTL_DONE;
}

static int take_until(struct ctl *c, const struct opt *o, const char *value, int64_t *to)
{
    int64_t t;

    if (nhi_span_parse(value, &t)) {
        *to = c->now + t;
        return CTL_DONE;
    }
    if (nhi_time_parse(value, &t) != NHI_OK)
        return bad_value(c, o, value, "a time span such as 2h or a time such as 2027-06-30T12:00:00Z");
    if (t <= c->now)
        return ctl_fail(c, CTL_USAGE, NULL, "--%s %s is in the past", o->name, value);
    *to = t;
    return CTL_DONE;
}

static int take_moment(struct ctl *c, const struct opt *o, const char *value, int64_t *to)
{
    int64_t t;

    if (nhi_time_parse(value, &t) != NHI_OK)
        return bad_value(c, o, value, "a time such as 2027-06-30T12:00:00Z");
    *to = t;
    return CTL_DONE;
}

static int take_date(struct ctl *c, const struct opt *o, const char *value, int64_t *to)
{
    char moment[NHI_TIME_LEN + 1];
    int64_t t;

    if (strlen(value) != 10 || snprintf(moment, sizeof(moment), "%sT00:00:00Z", value) != NHI_TIME_LEN ||
        nhi_time_parse(moment, &t) != NHI_OK)
        return bad_value(c, o, value, "a date such as 2027-06-30");
    if (t <= c->now)
        return ctl_fail(c, CTL_USAGE, NULL, "--%s %s is not in the future", o->name, value);
    *to = t;
    return CTL_DONE;
}

static int take_number(struct ctl *c, const struct opt *o, const char *value, uint32_t *to)
{
    unsigned long n;
    char *end;

    errno = 0;
    n = strtoul(value, &end, 10);
    if (errno != 0 || value[0] < '0' || value[0] > '9' || *end != '\0' || n < 1 || n > UINT32_MAX)
        return bad_value(c, o, value, "a whole number, 1 or more");
    *to = (uint32_t)n;
    return CTL_DONE;
}

/* Adds the words of value, which are separated by commas, to a list with spaces. */
static int take_list(struct ctl *c, const struct opt *o, const char *value, char *list)
{
    size_t have = strlen(list), len = strlen(value);
    char *words = list + have;

    if (o->kind == OPT_BOUND && strcmp(value, "*") == 0 && have == 0) {
        memcpy(list, "*", 2);
        return CTL_DONE;
    }
    if (len == 0)
        return ctl_fail(c, CTL_USAGE, NULL, "--%s is empty: it needs at least one name", o->name);
    if (strchr(value, ' ') != NULL)
        return bad_value(c, o, value, "names with commas between them");
    if (have + 1 + len > NHI_LIST_MAX)
        return ctl_fail(c, CTL_USAGE, NULL, "--%s is longer than %d characters", o->name, NHI_LIST_MAX);
    if (have > 0)
        *words++ = ' ';
    memcpy(words, value, len + 1);
    for (; *words != '\0'; words++)
        if (*words == ',')
            *words = ' ';
    if (!nhi_list_is_valid(list, o->ok))
        return ctl_fail(c, CTL_USAGE, NULL, "--%s '%s': a name in it is malformed, empty or given twice", o->name,
                        value);
    return CTL_DONE;
}

static int take_string(struct ctl *c, const struct opt *o, const char *value, const char **to)
{
    if (o->kind == OPT_NAME && !o->ok(value))
        return ctl_fail(c, CTL_USAGE, NULL, "--%s '%s' is not a well-formed %s", o->name, value, o->arg);
    if (o->kind == OPT_TEXT && !nhi_name_is_text(value, o->max))
        return ctl_fail(c, CTL_USAGE, NULL, "--%s takes 1 to %zu bytes of text on one line, without control characters",
                        o->name, o->max);
    if (o->kind == OPT_TEXT && o->ok != NULL && !o->ok(value))
        return ctl_fail(c, CTL_USAGE, NULL, "--%s '%s' has leading or trailing blanks, or invisible characters",
                        o->name, value);
    if (o->kind == OPT_TEXT && value[strspn(value, " ")] == '\0')
        return ctl_fail(c, CTL_USAGE, NULL, "--%s is blank", o->name);
    if ((o->kind == OPT_PATH || o->kind == OPT_LINES) && *value == '\0')
        return ctl_fail(c, CTL_USAGE, NULL, "--%s is empty", o->name);
    *to = value;
    return CTL_DONE;
}

static int take_path(struct ctl *c, const struct opt *o, const char *value, struct opt_paths *to)
{
    if (*value == '\0')
        return ctl_fail(c, CTL_USAGE, NULL, "--%s is empty", o->name);
    if (to->count == OPT_PATHS_MAX)
        return ctl_fail(c, CTL_USAGE, NULL, "--%s given more than %d times", o->name, OPT_PATHS_MAX);
    to->path[to->count++] = value;
    return CTL_DONE;
}

static int take(struct ctl *c, const struct opt *o, const char *value, void *args)
{
    void *to = (char *)args + o->at;

    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)to = true;
        return CTL_DONE;
    case OPT_NAME:
    case OPT_TEXT:
    case OPT_PATH:
    case OPT_LINES:
        return take_string(c, o, value, to);
    case OPT_PATHS:
        return take_path(c, o, value, to);
    case OPT_LIST:
    case OPT_BOUND:
        return take_list(c, o, value, to);
    case OPT_NUMBER:
        return take_number(c, o, value, to);
    case OPT_DURATION:
        return take_duration(c, o, value, to);
    case OPT_UNTIL:
        return take_until(c, o, value, to);
    case OPT_MOMENT:
        return take_moment(c, o, value, to);
    case OPT_DATE:
        return take_date(c, o, value, to);
    }
    return CTL_USAGE;
}

/* getopt_long accepts any unambiguous beginning of an option's name: a spelling that the next release might break. */
static bool spelled_out(char **argv, const char *name)
{
    const char *typed = argv[optind - 1];

    if (optarg != NULL && optarg == typed)
        typed = argv[optind - 2];
    typed += 2;
    return strcspn(typed, "=") == strlen(name);
}

/* What was typed without its value, as --name. */
static void name_of(const char *typed, char name[NEAREST_WORD_MAX + 1])
{
    snprintf(name, NEAREST_WORD_MAX + 1, "%.*s", (int)strcspn(typed, "="), typed);
}

/* The same line with another name of the option in *at. */
static void option_instead(const struct ctl *c, const struct verb *v, char **at, const char *name, char hint[TYPED_MAX])
{
    char *option = out_say("%s%s", name, *at + strcspn(*at, "=")), *quoted = shell_quote(option);

    typed_instead(c, v, &(const struct typed_change){ at, 1, quoted }, hint);
    free(quoted);
    free(option);
}

/* The same line with the option that is most like the typed one, or this verb's help. */
static void nearest_option(const struct ctl *c, const struct verb *v, char **at, char hint[TYPED_MAX])
{
    static const char *const always[] = { "--json", "--help" };
    char name[NEAREST_WORD_MAX + 1], right[TYPED_MAX];
    struct nearest n = { .typed = name };

    name_of(*at, name);
    for (const struct opt *o = v->opts; o != NULL && o->name != NULL; o++) {
        snprintf(right, sizeof(right), "--%s", o->name);
        nearest_offer(&n, right);
    }
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        nearest_offer(&n, always[i]);
    typed_help(v, hint);
    if (n.count != 1)
        return;
    option_instead(c, v, at, n.word[0], hint);
}

static int unknown_option(struct ctl *c, const struct verb *v, char **argv, int got)
{
    const char *typed = argv[optind - 1];
    char hint[TYPED_MAX];

    typed_help(v, hint);
    if (got == ':') {
        typed_example(v, hint);
        return ctl_fail(c, CTL_USAGE, hint, "%s needs a value", typed);
    }
    if (strncmp(typed, "--", 2) != 0 && optopt > ' ')
        return ctl_fail(c, CTL_USAGE, hint, "unknown option -%c (write -- before a name that begins with -)", optopt);
    if (optopt != 0)
        return ctl_fail(c, CTL_USAGE, hint, "%.*s takes no value", (int)strcspn(typed, "="), typed);
    nearest_option(c, v, &argv[optind - 1], hint);
    return ctl_fail(c, CTL_USAGE, hint, "unknown option %.*s", (int)strcspn(typed, "="), typed);
}

static int shortened(struct ctl *c, const struct verb *v, char **argv, const char *name)
{
    char **at = &argv[optarg != NULL && optarg == argv[optind - 1] ? optind - 2 : optind - 1];
    char right[NEAREST_WORD_MAX + 1], hint[TYPED_MAX];

    snprintf(right, sizeof(right), "--%s", name);
    option_instead(c, v, at, right, hint);
    return ctl_fail(c, CTL_USAGE, hint, "options cannot be shortened: write --%s", name);
}

/* Of those that may be required: lists are in their place, others are numbers or pointers. */
static bool is_set(const struct opt *o, const void *args)
{
    const void *at = (const char *)args + o->at;

    if (o->kind == OPT_LIST || o->kind == OPT_BOUND)
        return *(const char *)at != '\0';
    if (o->kind == OPT_NAME || o->kind == OPT_TEXT || o->kind == OPT_PATH || o->kind == OPT_LINES)
        return *(const char *const *)at != NULL;
    return *(const int64_t *)at != 0;
}

static bool has_lines(const struct verb *v, const void *args)
{
    for (size_t i = 0; v->opts != NULL && v->opts[i].name != NULL; i++)
        if (v->opts[i].kind == OPT_LINES && is_set(&v->opts[i], args))
            return true;
    return false;
}

static int check_given(struct ctl *c, const struct verb *v, const bool *given, const void *args)
{
    char hint[TYPED_MAX];

    typed_example(v, hint);
    if (has_lines(v, args))
        return c->operand_count == 0
                   ? CTL_DONE
                   : ctl_fail(c, CTL_USAGE, NULL, "unexpected argument '%s': the file has it", c->operand[0]);
    for (size_t i = 0; v->opts != NULL && v->opts[i].name != NULL; i++)
        if (v->opts[i].required && !given[i] && !is_set(&v->opts[i], args))
            return ctl_fail(c, CTL_USAGE, hint, "--%s %s is missing", v->opts[i].name, v->opts[i].arg);
    if (c->operand_count < v->operand_min)
        return ctl_fail(c, CTL_USAGE, hint, "missing arguments: nhictl %s%s%s %s", v->noun != NULL ? v->noun : "",
                        v->noun != NULL ? " " : "", v->verb, v->synopsis);
    return CTL_DONE;
}

static size_t long_options(const struct verb *v, struct option *to)
{
    size_t n = 0;

    for (; v->opts != NULL && v->opts[n].name != NULL && n < OPTS_MAX; n++)
        to[n] = (struct option){ v->opts[n].name, v->opts[n].kind == OPT_FLAG ? no_argument : required_argument, NULL,
                                 'o' };
    to[n] = (struct option){ "json", no_argument, NULL, 'j' };
    to[n + 1] = (struct option){ "help", no_argument, NULL, 'h' };
    to[n + 2] = (struct option){ NULL, 0, NULL, 0 };
    return n;
}

static int take_command(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    if (optind == argc || strcmp(argv[optind - 1], "--") != 0)
        return ctl_fail(c, CTL_USAGE, v->example,
                        optind == argc ? "the command is missing" : "write -- before the command");
    c->command = argv + optind;
    return CTL_DONE;
}

int opts_parse(struct ctl *c, const struct verb *v, int argc, char **argv, void *args)
{
    struct option longs[OPTS_MAX + 3];
    bool given[OPTS_MAX] = { false };
    int got, index = 0, code;

    long_options(v, longs);
    opterr = 0;
    optind = 0; /* it begins anew, also after another line */
    /* The words of a command are not ours to sort. */
    while ((got = getopt_long(argc, argv, v->operand_max == COMMAND_OPERANDS ? "+:h" : ":h", longs, &index)) != -1) {
        const struct opt *o;

        if (got == '?' || got == ':')
            return unknown_option(c, v, argv, got);
        if (got == 'h') {
            c->help = true;
            return CTL_DONE;
        }
        if (!spelled_out(argv, longs[index].name))
            return shortened(c, v, argv, longs[index].name);
        if (got == 'j')
            continue;
        o = &v->opts[index];
        if (given[index] && o->kind != OPT_LIST && o->kind != OPT_BOUND && o->kind != OPT_PATHS)
            return ctl_fail(c, CTL_USAGE, NULL, "--%s given twice", o->name);
        if (!given[index] && (o->kind == OPT_LIST || o->kind == OPT_BOUND))
            *((char *)args + o->at) = '\0';
        given[index] = true;
        code = take(c, o, optarg, args);
        if (code != CTL_DONE)
            return code;
    }
    if (v->operand_max == COMMAND_OPERANDS) {
        code = check_given(c, v, given, args);
        return code == CTL_DONE ? take_command(c, v, argc, argv) : code;
    }
    if (v->operand_max == MANY_OPERANDS) {
        c->command = argv + optind;
        c->operand_count = argc - optind;
        return check_given(c, v, given, args);
    }
    for (; optind < argc; optind++) {
        if (c->operand_count == v->operand_max)
            return ctl_fail(c, CTL_USAGE, NULL, "unexpected argument '%s'", argv[optind]);
        c->operand[c->operand_count++] = argv[optind];
    }
    return check_given(c, v, given, args);
}
