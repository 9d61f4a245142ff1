/* SPDX-License-Identifier: ISC */
/*
 * setup: the present files, and a place to try the changed ones.
 */
#ifndef NHICTL_SETUP_FILE_H
#define NHICTL_SETUP_FILE_H

#include "nhictl/setup/setup.h"

/* Functions that return an int return CTL_DONE, or another exit code after reporting what was wrong. */

/* Makes SETUP_SCRATCH, for this run alone. */
int setup_begin(struct setup *s);
void setup_end(struct setup *s);
/* Adds a file with its present text. A missing file is added, too. */
int setup_add(struct setup *s, const struct wiring_service *w, const char *path, mode_t mode, struct setup_file **f);
/* The text of a file in a view, or of one that is not planned, for a trial; the caller frees it. NULL: it does not
 * exist. */
char *setup_read(const struct setup *s, const char *path, enum setup_view view);
/* Below SETUP_SCRATCH; parents are made. */
int setup_scratch(struct setup *s, const char *name, const char *text);
bool setup_changes(const struct setup_file *f);
/* Whether it has a line of ours, or will have one. */
bool setup_is_ours(const struct setup_file *f);
/* The output of diff -u for it; the caller frees it. */
char *setup_diff(struct setup *s, const struct setup_file *f);
/* For writing: the directory of a path, which the caller closes, and the name in it. */
NHI_CHECK enum nhi_err setup_open_directory(const char *path, const char **name, int *fd);
/* Makes the missing directories of the path to a file. */
bool setup_make_parents(const char *path);
NHI_CHECK enum nhi_err setup_read_file(const char *path, char **text);
/* NULL: no text. */
bool setup_same_text(const char *a, const char *b);

#endif
