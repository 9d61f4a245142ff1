/* SPDX-License-Identifier: ISC */
/*
 * Warnings: which sessions have been told when they will end.
 */
#ifndef NHICTL_WARNING_H
#define NHICTL_WARNING_H

#include "nhictl/process/sessions.h"

struct warning;
struct warnings {
    struct warning *all;
    size_t count;
};

/* Tells each of the sessions, which were loaded with so much ahead, that ends within that time and has not been
 * told of that moment. Returns when to look again: seconds since the epoch, INT64_MAX: not for this. */
int64_t warnings_give(struct warnings *w, const struct sessions *s);
void warnings_free(struct warnings *w);

#endif
