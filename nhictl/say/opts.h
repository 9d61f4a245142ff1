/* SPDX-License-Identifier: ISC */
/*
 * Options: one declarative table for each verb, over getopt_long.
 *
 * A table names where each value goes in the verb's own struct, which is zeroed at first: values that were not given
 * stay zero, NULL or empty.
 */
#ifndef NHICTL_OPTS_H
#define NHICTL_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl;
struct verb;

enum opt_kind {
    OPT_FLAG,     /* bool */
    OPT_NAME,     /* const char *, checked by ok */
    OPT_TEXT,     /* const char *, free text for people, at most max bytes, and checked by ok if that is not NULL */
    OPT_PATH,     /* const char *, not empty */
    OPT_PATHS,    /* struct opt_paths: the same, may be repeated */
    OPT_LINES,    /* like OPT_PATH: a file whose lines have the operands and the other options, which are not required
                     then: those that are given hold for each line that does not give them */
    OPT_LIST,     /* char[NHI_LIST_MAX + 1]: words split at commas, each checked by ok; may be repeated */
    OPT_BOUND,    /* the same, or "*" alone */
    OPT_NUMBER,   /* uint32_t, at least 1 */
    OPT_DURATION, /* int64_t, seconds, at least 1 */
    OPT_UNTIL,    /* int64_t, a moment after now */
    OPT_MOMENT,   /* int64_t, any moment */
    OPT_DATE,     /* int64_t, midnight UTC of a day after today */
};

#define OPT_PATHS_MAX 100
struct opt_paths {
    const char *path[OPT_PATHS_MAX];
    size_t count;
};

struct opt {
    const char *name; /* without the dashes */
    enum opt_kind kind;
    size_t at; /* offset in the verb's struct */
    bool required;
    const char *arg;  /* name of the value in the help; NULL for flags */
    const char *help; /* one line */
    bool (*ok)(const char *);
    size_t max;
};

/* Parses argv[1..] into args (v->args_size bytes, zeroed, or with values that are in force unless these replace them)
 * and the operands into c. Returns CTL_DONE, or a code after reporting what was wrong. c->help: --help was given. */
int opts_parse(struct ctl *c, const struct verb *v, int argc, char **argv, void *args);

/* "15m", "1h30m", "2d": seconds, at least 1. */

#endif
