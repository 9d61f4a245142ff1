/* SPDX-License-Identifier: ISC */
/*
 * Reading a file of lines that a person or a program has written.
 */
#ifndef NHICTL_WHOLE_FILE_H
#define NHICTL_WHOLE_FILE_H

#include <stddef.h>

#include "nhictl/say/ctl.h"

/* Reads a file, or standard input if it is "-", to its end or until it has more than max bytes: then *len is more than
 * max, and the caller refuses it. *text: allocated, with a 0 behind it; NULL after a failure. Returns CTL_SYSTEM after
 * reporting that it cannot be read, which includes a lack of memory. */
int whole_file_read(struct ctl *c, const char *file, size_t max, char **text, size_t *len);

#endif
