/* SPDX-License-Identifier: ISC */
/*
 * What is wrong with a file of this host, where, and what to do about it.
 */
#ifndef HOSTCFG_FINDING_H
#define HOSTCFG_FINDING_H

#include "hostcfg/host_file.h"

/* note: it works, and less well than it could. warning: something does not work, or asks for trouble. error: agents
 * are kept out, let in past a decision, or people are kept out. */
enum finding_level { FINDING_NOTE = 1, FINDING_WARNING, FINDING_ERROR };

/* Where in a file. */
struct location {
    const char *file;
    int line;         /* 0: the file, or what is not there */
    const char *text; /* of that line; NULL: there is none */
};

struct finding {
    enum finding_level level;
    const char *id; /* "pam-account-missing" … */
    char *file, *text;
    int line;
    char *why; /* one sentence */
    char *fix; /* what to do, with the exact line */
};

/* Zeroed, it has none. Release with findings_free. */
struct findings {
    struct finding *all;
    size_t count, room;
};

/* Whether something with that beginning of an id was found so far. */
bool findings_have(const struct findings *found, const char *prefix);
/* Takes why and fix, which are new. The same id at the same place is found once. */
void finding_add(struct findings *found, enum finding_level level, const char *id, struct location at, char *why,
                 char *fix);
/* Of a whole file, in fixed words. */
void finding_of_file(struct findings *found, enum finding_level level, const char *id, const char *file,
                     const char *why, const char *fix);
/* Of a file as a whole. */
struct location location_of_file(const char *file);
/* The line of a file that was read. line NULL: the file. */
struct location location_of_line(const char *file, const struct file_line *line);

/* A file that others than root can write, or replace, is a finding of that id: then nothing in it may be run, and
 * false is returned. One that is not there is none. what: what it is, for people. */
bool findings_check_guard(struct findings *found, const char *id, const char *file, const char *what);

const char *finding_level_name(enum finding_level level);
/* The most serious first, then by file and line. */
void findings_sort(struct findings *f);
void findings_free(struct findings *f);

#endif
