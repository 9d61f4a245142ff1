/*
 * Possible next words on a command line of nhictl.
 */
#ifndef NHICTL_COMPLETE_H
#define NHICTL_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

struct ctl;

enum thing {
    THING_NONE, /* nothing that anybody could guess */
    THING_AGENT,
    THING_OWNER,
    THING_TASK,     /* open */
    THING_ANY_TASK, /* of which there is a story */
    THING_TICKET,   /* live */
    THING_KEY,
    THING_SESSION,
    THING_ACCOUNT,
    THING_SERVICE,
    THING_GROUP,
    THING_PROGRAM, /* that setup knows */
    /* These the shell knows better. */
    THING_FILE,
    THING_DIRECTORY,
    THING_COMMAND,
};

struct candidates {
    struct ctl *c;
    char before[512];      /* of the word as typed: stays */
    const char *beginning; /* the rest of it */
    size_t count;
};

/* Adds a word, if it begins that way. help: one line, may be NULL. */
void candidate(struct candidates *to, const char *word, const char *help);

#endif
