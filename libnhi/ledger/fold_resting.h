/* SPDX-License-Identifier: ISC */
/*
 * The names of records that are at rest, and until when, in one file: a command that folds need not ask the kernel
 * about each of ten thousand pins.
 *
 * The file is a copy of what the records themselves have. Without it, or if it is damaged, they are asked. It may name
 * records that were removed, but none that is not at rest: a record goes only after its time, and no name comes again.
 */
#ifndef NHI_FOLD_RESTING_H
#define NHI_FOLD_RESTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"

#define NHI_RESTING_FILE "resting" /* in NHI_STATE_DIR, root 0600 */

struct nhi_resting_one {
    uint64_t name; /* made from it */
    int64_t until;
};
struct nhi_resting_list {
    struct nhi_resting_one *all;
    size_t count, room;
};
/* Zeroed at first. */
struct nhi_resting {
    struct nhi_resting_list known; /* as read */
    struct nhi_resting_list seen;  /* by this fold */
    size_t asked;                  /* how many of these were not known */
};

void nhi_resting_read(const char *dir, struct nhi_resting *r);
/* Whether the record is at rest: asks the kernel only if the file does not have it. */
bool nhi_resting_has(struct nhi_resting *r, int dirfd, const char *name, int64_t now);
/* A record has come to rest. */
void nhi_resting_add(struct nhi_resting *r, const char *name, int64_t until);
/* Writes the file anew if that saves enough. Call it when all records were seen. */
void nhi_resting_write(const char *dir, struct nhi_resting *r);
void nhi_resting_free(struct nhi_resting *r);

#endif
