/* SPDX-License-Identifier: ISC */
/*
 * The files of a host as text, with and without our lines. No file is read or written here.
 */
#ifndef HOSTCFG_HOST_TEXT_H
#define HOSTCFG_HOST_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* All functions that return text return an allocated one, which the caller frees; NULL: see each. */

/* Without the text between our marks. NULL: a mark for the beginning has no end. */
char *setup_text_strip(const char *text);
/* These lines between our marks, followed by text. lines: each ends in a line feed. */
char *setup_text_above(const char *lines, const char *text);

/* nsswitch.conf with our source, or without it; also in the line initgroups, if it exists. NULL: it has no line for the
 * database *missing. */
char *setup_text_nss(const char *text, const char **missing);
char *setup_text_nss_strip(const char *text);
/* The text of its line for a database, or NULL. */
char *setup_text_nss_line(const char *text, const char *database);

/* Whether sshd_config reads the directory of drop-ins before anything else. */
bool setup_text_sshd_includes(const char *text);
/* Whether it refuses passwords anywhere, or includes files elsewhere that may do so. */
bool setup_text_sshd_refuses_passwords(const char *text);
/* With every from replaced by to. */
char *setup_text_replace(const char *text, const char *from, const char *to);

#endif
