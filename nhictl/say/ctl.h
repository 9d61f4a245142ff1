/* SPDX-License-Identifier: ISC */
/*
 * The argument of every verb of nhictl, and the declaration of a verb.
 */
#ifndef NHICTL_CTL_H
#define NHICTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libnhi/base/names.h"
#include "nhictl/say/opts.h"
#include "nhictl/say/out.h"

/* Exit codes. */
enum ctl_exit {
    CTL_DONE = 0,
    CTL_REFUSED = 1, /* refused, or a negative answer */
    CTL_USAGE = 2,
    CTL_SYSTEM = 3,    /* the system failed */
    CTL_PART = 7,      /* done in part: what should end is on record, and part of it still runs */
    CTL_NOT_RUN = 125, /* any of these, for a verb that returns a command's status */
};

#define CTL_OPERANDS_MAX 2
#define COMMAND_OPERANDS (-1)
#define MANY_OPERANDS (-2)

struct ctl {
    bool json;
    int64_t now;      /* the wall clock at the start, seconds since the epoch */
    mode_t umask;     /* the caller's; our own is 022 */
    int64_t loginuid; /* the uid of the login in which this was started, even after that has ended; -1: none */
    struct out *out;
    const char *where;             /* file and line that present failures are about; NULL: none */
    char said[NHI_TEXT_MAX + 1];   /* the last message of ctl_fail; cut */
    char so_far[NHI_TEXT_MAX + 1]; /* how much was done before a present failure; empty: nothing */
    const char *go_on;             /* what to type then, to go on */
    bool of_line;                  /* present failures are about one line of many: they are kept in said and hint */
    char hint[NHI_TEXT_MAX + 1];
    char proposed[NHI_TEXT_MAX + 1]; /* what ctl_hint made last; cut */
    const struct verb *const *verbs; /* every table of verbs; ends with NULL */
    char **typed;                    /* the words after nhictl, as typed but for their order */
    int typed_count;
    const struct verb *verb; /* that is run; NULL: none yet */
    bool help;               /* --help was given */
    const void *args;        /* the parsed options: the verb's own struct */
    const char *operand[CTL_OPERANDS_MAX];
    int operand_count;
    char **command; /* the words after --, for a verb that takes a command; all operands, if there may be many */
};

struct verb {
    const char *noun; /* NULL: a verb without a noun */
    const char *verb;
    int (*run)(struct ctl *c);
    const struct opt *opts; /* ends with a NULL name; NULL: only --json and --help */
    size_t args_size;
    int operand_min, operand_max; /* COMMAND_OPERANDS: -- and a command; MANY_OPERANDS */
    const char *synopsis;         /* what follows the verb */
    const char *summary;          /* one line */
    const char *about;            /* for --help; may be NULL */
    const char *example;          /* a whole command line that works */
};

#endif
