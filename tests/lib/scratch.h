/*
 * A directory of its own for each test of a file that is replaced, as cmocka setup and teardown.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#define SCRATCH_DIR_LEN 20

extern char scratch_dir[SCRATCH_DIR_LEN + 1];
extern char scratch_path[SCRATCH_DIR_LEN + 33]; /* accounts.cdb in it; not made */

int scratch_make(void **state);
int scratch_remove(void **state); /* with the files in it */

/* How many files there are. */
int scratch_entries(void);

/* Skips the test unless root runs it: nobody else can own a file that the reader accepts. */
void scratch_need_root(void);

#endif
