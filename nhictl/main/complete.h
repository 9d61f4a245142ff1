/* SPDX-License-Identifier: ISC */
/*
 * Possible next words on a command line of nhictl.
 */
#ifndef NHICTL_COMPLETE_H
#define NHICTL_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

struct ctl;

enum candidate_kind {
    KIND_NONE, /* nothing that anybody could guess */
    KIND_AGENT,
    KIND_OWNER,
    KIND_TASK,     /* open */
    KIND_ANY_TASK, /* of which there is a story */
    KIND_TICKET,   /* live */
    KIND_KEY,
    KIND_SESSION,
    KIND_ACCOUNT,
    KIND_SERVICE,
    KIND_GROUP,
    KIND_PROGRAM, /* that setup knows */
    /* These the shell knows better. */
    KIND_FILE,
    KIND_DIRECTORY,
    KIND_COMMAND,
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
