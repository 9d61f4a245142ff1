/* SPDX-License-Identifier: ISC */
/*
 * What is wrong with a file of this host, where, and how to correct it.
 */
#ifndef HOSTCFG_FINDING_H
#define HOSTCFG_FINDING_H

#include "hostcfg/host_file.h"

/* note: it works, but not as well as it could. warning: something does not work, or is dangerous. error: agents cannot
 * log in, or can log in without a decision, or people cannot log in. */
enum finding_level { FINDING_NOTE = 1, FINDING_WARNING, FINDING_ERROR };

/* A location in a file. */
struct location {
    const char *file;
    int line;         /* 0: the file, or something that is missing */
    const char *text; /* text of that line; NULL: no line */
};

struct finding {
    enum finding_level level;
    const char *id; /* "pam-account-missing" … */
    char *file, *text;
    int line;
    char *why; /* one sentence */
    char *fix; /* what to do, with the exact line to write */
};

/* Zeroed, it is empty. Release with findings_free. */
struct findings {
    struct finding *all;
    size_t count, room;
};

/* Whether a finding was added whose id begins with prefix. */
bool findings_have(const struct findings *found, const char *prefix);
/* Takes ownership of why and fix. The same id at the same place is added once. */
void finding_add(struct findings *found, enum finding_level level, const char *id, struct location at, char *why,
                 char *fix);
/* For a whole file, with fixed texts. */
void finding_of_file(struct findings *found, enum finding_level level, const char *id, const char *file,
                     const char *why, const char *fix);
/* A file as a whole. */
struct location location_of_file(const char *file);
/* A line of a file that was read. line NULL: the whole file. */
struct location location_of_line(const char *file, const struct file_line *line);

/* If users other than root can write or replace the file, adds a finding with that id and returns false: then nothing
 * in the file may be run. A missing file is no finding. what: a description of the file, for people. */
bool findings_check_guard(struct findings *found, const char *id, const char *file, const char *what);

const char *finding_level_name(enum finding_level level);
/* The most serious first, then by file and line. */
void findings_sort(struct findings *f);
void findings_free(struct findings *f);

#endif
