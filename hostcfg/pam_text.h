/* SPDX-License-Identifier: ISC */
/*
 * Files of /etc/pam.d as text, with our lines in them and without.
 */
#ifndef HOSTCFG_PAM_TEXT_H
#define HOSTCFG_PAM_TEXT_H

#include "hostcfg/host_text.h"

/* Text that is returned is allocated, and the caller frees it; NULL: see each. */

/* A service's file of /etc/pam.d with our lines. clean: the file without them. was: the file as it is, from which our
 * lines keep their options; options: those of our other lines, "" for none. siblings: names of files that get our lines
 * anyway, ends with NULL; a file that includes one of them is not changed. NULL: it has no line of the type *missing
 * before which ours could be placed. */
char *setup_text_pam(const char *clean, const char *was, const char *options, const char *const *siblings,
                     const char **missing);
/* Whether the file names the module outside of our marks. */
bool setup_text_has_module(const char *clean);
/* For trials: every module of auth and session that could ask, remember or start something is replaced by success, and
 * included files are taken from dir. */
char *setup_text_pam_tame(const char *text, const char *dir);
/* Calls one for each file that it includes. */
void setup_text_pam_includes(const char *text, void (*one)(const char *name, void *ctx), void *ctx);

#endif
