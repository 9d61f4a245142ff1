/* SPDX-License-Identifier: ISC */
/*
 * revoke --from: a revocation for each line.
 */
#ifndef NHICTL_REVOKE_MANY_H
#define NHICTL_REVOKE_MANY_H

#include "nhictl/say/ctl.h"

int revoke_many(struct ctl *c, const struct verb *v, const char *file);

#endif
