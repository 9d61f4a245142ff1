/* SPDX-License-Identifier: ISC */
/*
 * revoke WHAT: whether a word is a task, an agent, a ticket or a key.
 */
#ifndef NHICTL_REVOKE_WHAT_H
#define NHICTL_REVOKE_WHAT_H

#include "libnhi/base/names.h"
#include "nhictl/process/sessions.h"
#include "nhictl/say/ctl.h"

/* Sets kind and id of r; a ticket's whole ID goes to jti, which must live as long as r. An exit code, after reporting
 * that the word is nothing of these or more than one. */
int revoke_what(struct ctl *c, const char *word, struct revocation *r, char jti[NHI_JTI_LEN + 1]);

#endif
