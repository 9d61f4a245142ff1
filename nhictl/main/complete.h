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
    KIND_NONE, /* nothing that could be guessed */
    KIND_AGENT,
    KIND_OWNER,
    KIND_TASK,     /* open */
    KIND_ANY_TASK, /* tasks that trace can show */
    KIND_TICKET,   /* live */
    KIND_KEY,
    KIND_SESSION,
    KIND_ACCOUNT,
    KIND_SERVICE,
    KIND_GROUP,
    KIND_PROGRAM, /* programs that setup knows */
    /* The shell completes these itself. */
    KIND_FILE,
    KIND_DIRECTORY,
    KIND_COMMAND,
};

struct candidates {
    struct ctl *c;
    char before[512];      /* beginning of the typed word, which stays */
    const char *beginning; /* rest of the typed word */
    size_t count;
};

/* Adds a word, if it begins like the typed one. help: one line, may be NULL. */
void candidate(struct candidates *to, const char *word, const char *help);

#endif
