/* SPDX-License-Identifier: ISC */
/*
 * What to type instead of a command that does not exist.
 */
#ifndef NHICTL_PROPOSAL_H
#define NHICTL_PROPOSAL_H

#include "nhictl/say/typed.h"

/* From c->typed, of which there is at least one, and c->verbs. */
void proposal(const struct ctl *c, char line[TYPED_MAX]);

#endif
