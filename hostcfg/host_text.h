/* SPDX-License-Identifier: ISC */
/*
 * The files of a host as text, with and without our lines. Nothing is read or written here.
 */
#ifndef HOSTCFG_HOST_TEXT_H
#define HOSTCFG_HOST_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* All that return text return a new one, the caller's to free; NULL: it cannot be done, see each. */

/* Without what stands between our marks. NULL: a beginning has no end. */
char *setup_text_strip(const char *text);
/* These lines between our marks, and then text. lines: each ends in a line feed. */
char *setup_text_above(const char *lines, const char *text);

/* nsswitch.conf with our source and without; in initgroups, too, where that has a line. NULL: it has no line for the
 * database *missing. */
char *setup_text_nss(const char *text, const char **missing);
char *setup_text_nss_strip(const char *text);
/* What it says of a database, or NULL. */
char *setup_text_nss_line(const char *text, const char *database);

/* Whether the first thing that sshd_config says is to read the directory of drop-ins. */
bool setup_text_sshd_includes(const char *text);
/* Whether somewhere in it passwords are refused, or may be, in files elsewhere that it includes. */
bool setup_text_sshd_refuses_passwords(const char *text);
/* With from replaced by to, everywhere. */
char *setup_text_replace(const char *text, const char *from, const char *to);

#endif
