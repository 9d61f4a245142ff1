/* SPDX-License-Identifier: ISC */
/*
 * A directory of its own for each test of a file that is replaced, as cmocka setup and teardown.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <stdbool.h>

#define SCRATCH_DIR_LEN 20

extern char scratch_dir[SCRATCH_DIR_LEN + 1];
extern char scratch_path[SCRATCH_DIR_LEN + 33]; /* accounts in it; not created */

int scratch_make(void **state);
int scratch_remove(void **state); /* with the files in it */

/* The number of files in it. */
int scratch_entries(void);

/* Whether this runs as root, who must own the files; if not, prints in TAP that everything is skipped, since cmocka's
 * own skip() reads as a failure there. */
bool scratch_is_root(void);

#endif
