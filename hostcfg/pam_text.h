/* SPDX-License-Identifier: ISC */
/*
 * Files of /etc/pam.d as text, with our lines in them and without.
 */
#ifndef HOSTCFG_PAM_TEXT_H
#define HOSTCFG_PAM_TEXT_H

#include "hostcfg/host_text.h"

/* Text that is returned is new, the caller's to free; NULL: it cannot be done, see each. */

/* A service's file of /etc/pam.d with our lines. clean: without them. was: as it is, from which options of our lines
 * are kept; options: of our lines otherwise, "" for none. siblings: names of the files that get our lines anyhow, ends
 * with NULL; one that includes such stays as it is. NULL: it has no line of the type *missing that ours could stand
 * before. */
char *setup_text_pam(const char *clean, const char *was, const char *options, const char *const *siblings,
                     const char **missing);
/* Whether somebody has put the module there. */
bool setup_text_has_module(const char *clean);
/* For trials: with every module of auth and session that could ask, remember or start something taken to say yes, and
 * with what is included taken from dir. */
char *setup_text_pam_tame(const char *text, const char *dir);
/* Calls one for each file that it includes. */
void setup_text_pam_includes(const char *text, void (*one)(const char *name, void *ctx), void *ctx);

#endif
