/* SPDX-License-Identifier: ISC */
/*
 * Configuration of other programs, line by line, and what those programs report about it.
 */
#ifndef HOSTCFG_HOST_FILE_H
#define HOSTCFG_HOST_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "libnhi/base/err.h"

struct file_line {
    int number; /* from 1; of the first, where several are one */
    char *text; /* without the newline, and without what comes after a NUL */
};

struct file_text {
    char *path;
    struct file_line *line;
    size_t count, room;
};

#define FILE_TEXT_MAX (1u << 20) /* bytes that are read of a file; no file of this kind has more */

/* joined: a backslash at the end of a line that is no comment makes it and the next one line. NHI_ERR_NOT_FOUND,
 * NHI_ERR_TOO_LONG, NHI_ERR_SYS; NHI_ERR_FORMAT: it is no regular file. out: release with file_text_free, which takes
 * a zeroed one. */
NHI_CHECK enum nhi_err file_text_read(const char *path, bool joined, struct file_text *out);
void file_text_free(struct file_text *f);

/* Cuts what # begins, and blanks at both ends, in place. */
char *file_bare(char *text);
/* The next word in *at, which goes on behind it: in place. NULL: there is none. */
char *file_word(char **at);

/* Whether cron reads a file of that name in /etc/cron.d: no copy that an editor or dpkg has left. */
bool file_is_of_cron(const char *name);

/* Whether nobody but root can write the file, or put another in its place: NHI_ERR_UNSAFE, and NHI_ERR_NOT_FOUND. */
NHI_CHECK enum nhi_err file_guarded(const char *path);

/* Runs a program that nobody but root can write, with nothing in its environment and nothing to read, for five seconds
 * at most. out, err: what it wrote, new, at most FILE_TEXT_MAX bytes. status: its exit status; 127 when it was not
 * run, or did not end well. */
NHI_CHECK enum nhi_err file_run(char *const argv[], char **out, char **err, int *status);

#endif
