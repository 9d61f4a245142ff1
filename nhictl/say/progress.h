/* SPDX-License-Identifier: ISC */
/*
 * How far a long command is, on a terminal.
 */
#ifndef NHICTL_PROGRESS_H
#define NHICTL_PROGRESS_H

#include <stddef.h>

struct ctl;

/* From here on, progress_step shows how far it is, once a second has passed: on standard error, if that is a terminal,
 * and not with --json. what: "reading events". */
void progress_begin(const struct ctl *c, const char *what);
/* One more is done. total: of how many; 0: not known. */
void progress_step(size_t total);
/* Takes the line away again. The answer, a failure and a note do so before they are printed. */
void progress_end(void);

#endif
