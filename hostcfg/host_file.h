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
    int number; /* from 1; that of the first line, where several are joined */
    char *text; /* without the newline, and cut at a NUL */
};

struct file_text {
    char *path;
    struct file_line *line;
    size_t count, room;
};

#define FILE_TEXT_MAX (1u << 20) /* bytes that are read from a file; no file of this kind is longer */

/* joined: a backslash at the end of a line, unless the line is a comment, joins it with the next one.
 * NHI_ERR_NOT_FOUND, NHI_ERR_TOO_LONG, NHI_ERR_SYS; NHI_ERR_FORMAT: not a regular file. Release out with
 * file_text_free, which takes a zeroed one. */
NHI_CHECK enum nhi_err file_text_read(const char *path, bool joined, struct file_text *out);
void file_text_free(struct file_text *f);

/* Cuts off a comment that begins with #, and blanks at both ends, in place. */
char *file_bare(char *text);
/* The next word of *at, in place; *at then points after it. NULL: no more words. */
char *file_word(char **at);

/* Whether cron reads a file with that name in /etc/cron.d: not if it is a copy that an editor or dpkg left. */
bool file_is_of_cron(const char *name);

/* Whether only root can write the file or put another in its place: NHI_ERR_UNSAFE, and NHI_ERR_NOT_FOUND. */
NHI_CHECK enum nhi_err file_guarded(const char *path);

/* Runs a program that only root can write, with an empty environment and empty input, for five seconds at most. out,
 * err: its output, allocated, at most FILE_TEXT_MAX bytes each. status: its exit status; 127 if it was not run, or was
 * ended by a signal. */
NHI_CHECK enum nhi_err file_run(char *const argv[], char **out, char **err, int *status);

#endif
