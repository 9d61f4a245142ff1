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
    struct file_text *file; /* that sudo reads, in order */
    size_t count, room;
    bool named;   /* by visudo; else it was not there or refused them, and these are in the usual places */
    json_t *json; /* NULL: there is nobody who reads it for us */
};

/* Release with sudoers_free. false: it cannot be read, and that is a finding. */
bool sudoers_read(struct findings *found, struct sudoers *out);
void sudoers_free(struct sudoers *s);
/* Whether it is one of the files. */
bool sudoers_has(const struct sudoers *s, const char *path);
/* The first line that begins with start, where that is not NULL, and has both words. */
struct location sudoers_find(const struct sudoers *s, const char *start, const char *word, const char *other);
/* The last: of Defaults it is the one that counts. */
struct location sudoers_last(const struct sudoers *s, const char *start, const char *word);

/* What visudo says of a file, and of those that it includes; new. Returns its exit status: 0, it has nothing against
 * them; -1, it could not be run. Who owns them, and who may write them, is not looked at. */
int sudoers_check(const char *file, char **said);

/* Whether a list of hosts, of cvtsudoers, leaves this one out for certain: it has names alone, of which none fits. */
bool sudoers_is_elsewhere(const json_t *hosts);

#endif
