/* SPDX-License-Identifier: ISC */
/*
 * Failures and remarks, on standard error.
 */
#ifndef NHICTL_FAIL_H
#define NHICTL_FAIL_H

#include "nhictl/say/ctl.h"

/* Reports what was wrong, and where, on standard error and with --json on standard output, too, and returns code. hint:
 * what to type instead, or NULL. The arguments may have text from outside: control characters are escaped. */
int ctl_fail(struct ctl *c, int code, const char *hint, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* What to type instead, for ctl_fail, with the real names in it; valid until the next. fmt may have %s alone: each is a
 * word, which is quoted for a shell. */
const char *ctl_hint(struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What ctl_fail kept of a failure of one line (ctl.of_line), on standard error. where: file and line; hint: may be
 * empty. */
void ctl_refused(const char *where, const char *said, const char *hint);

/* Makes the answer, which is printed later, a negative one, and says why on standard error. hint: what to type instead,
 * or NULL. */
void ctl_negative(struct ctl *c, const char *error, const char *hint);

/* A remark on standard error that changes nothing. */
void ctl_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
