/* SPDX-License-Identifier: ISC */
/*
 * Whether people can log in with the changed files as they do now.
 */
#ifndef NHICTL_SETUP_TRY_H
#define NHICTL_SETUP_TRY_H

#include "nhictl/setup/setup.h"

/* Functions that return an int return CTL_DONE, or another exit code after reporting what was wrong. */

/* Whether root and people can log in as they do now, and who was tried. */
int setup_try_pam(struct setup *s, const struct wiring_service *w);
int setup_try_nss(struct setup *s);
/* Calls one for root and for everybody who logs in here with a password or a key. Stops when the result is not
 * CTL_DONE. */
int setup_people(int (*one)(const char *name, unsigned uid, void *ctx), void *ctx);

#endif
