/* SPDX-License-Identifier: ISC */
/*
 * Warnings: which sessions were warned of the moment when they will end.
 */
#ifndef NHICTL_WARNING_H
#define NHICTL_WARNING_H

#include "nhictl/process/sessions.h"

struct warning;
struct warnings {
    struct warning *all;
    size_t count, room;
};

/* Warns each of the sessions, which were loaded with ahead, that ends within that time and was not warned of that
 * moment. Returns when to look again, in seconds since the epoch; INT64_MAX: no need. */
int64_t warnings_give(struct warnings *w, const struct sessions *s);
/* The same for sessions beside those that were warned before. */
int64_t warnings_add(struct warnings *w, const struct sessions *s);
void warnings_free(struct warnings *w);

#endif
