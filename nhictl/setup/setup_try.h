/* SPDX-License-Identifier: ISC */
/*
 * Whether people get in with the changed files as they do now.
 */
#ifndef NHICTL_SETUP_TRY_H
#define NHICTL_SETUP_TRY_H

#include "nhictl/setup/setup.h"

/* Those that return an int return CTL_DONE, or another exit code after saying what was wrong. */

/* Whether root and people get in as they do now, and whom that was about. */
int setup_try_pam(struct setup *s, const struct wiring_service *w);
int setup_try_nss(struct setup *s);
/* Calls one for root and for everybody who logs in here with a password or key of theirs. Stops when it is not
 * CTL_DONE. */
int setup_people(int (*one)(const char *name, unsigned uid, void *ctx), void *ctx);

#endif
