/*
 * What sudo is told: sudoers(5), as cvtsudoers(1) reads it, and where it is written.
 */
#ifndef NHICTL_DOCTOR_SUDO_H
#define NHICTL_DOCTOR_SUDO_H

#include <jansson.h>

#include "nhictl/doctor/doctor.h"
#include "nhictl/setup/wiring.h"

struct sudoers {
    struct doctor *d;
    struct file_text *file; /* all that sudo reads, in order */
    size_t count;
    json_t *json; /* NULL: there is nobody who reads it for us */
};

/* Release with sudoers_free. false: it cannot be read, and that is a finding. */
bool sudoers_read(struct doctor *d, struct sudoers *out);
void sudoers_free(struct sudoers *s);
/* Whether sudo reads this file. */
bool sudoers_has(const struct sudoers *s, const char *path);
/* The first line that begins with start, where that is not NULL, and has both words. */
struct doctor_place sudoers_find(const struct sudoers *s, const char *start, const char *word, const char *other);
/* The last: of Defaults it is the one that counts. */
struct doctor_place sudoers_last(const struct sudoers *s, const char *start, const char *word);

/* Whether a list of hosts, of cvtsudoers, leaves this one out for certain: it has names alone, of which none fits. */
bool sudoers_is_elsewhere(const json_t *hosts);

/* What a list of users, of cvtsudoers, says of whoever comes with a ticket. */
enum sudoers_of {
    SUDOERS_OTHERS,
    SUDOERS_ONLY,    /* it names accounts that take tickets only, or their group */
    SUDOERS_AGENTS,  /* it names them, or their group */
    SUDOERS_INHERIT, /* it names everybody, or a group that they happen to be in */
};
/* which: the one of them that is. */
enum sudoers_of sudoers_whom(const struct sudoers *s, const json_t *users, const json_t **which);

#endif
