/* SPDX-License-Identifier: ISC */
/*
 * The configuration of sudo: sudoers(5), as cvtsudoers(1) reads it, and its places in the files that visudo(8) names.
 */
#ifndef HOSTCFG_SUDOERS_H
#define HOSTCFG_SUDOERS_H

#include <jansson.h>

#include "hostcfg/finding.h"

struct sudoers {
    struct findings *found;
    struct file_text *file; /* the files that sudo reads, in order */
    size_t count, room;
    bool named;   /* visudo named them; else it is missing or refused them, and these are the usual ones */
    json_t *json; /* NULL: no program here reads it */
};

/* Release with sudoers_free. false: it cannot be read, which is a finding. */
bool sudoers_read(struct findings *found, struct sudoers *out);
void sudoers_free(struct sudoers *s);
/* Whether it is one of the files. */
bool sudoers_has(const struct sudoers *s, const char *path);
/* The first line that has both words, and begins with start if that is not NULL. */
struct location sudoers_find(const struct sudoers *s, const char *start, const char *word, const char *other);
/* The last such line: it is the one that counts for Defaults. */
struct location sudoers_last(const struct sudoers *s, const char *start, const char *word);

/* The output of visudo for a file and those that it includes; allocated. Returns its exit status: 0, it accepts them;
 * -1, it could not be run. Owners and permissions are not checked. */
int sudoers_check(const char *file, char **said);

/* Whether a list of hosts from cvtsudoers certainly excludes this host: it has only names, and none matches. */
bool sudoers_is_elsewhere(const json_t *hosts);

#endif
