/* SPDX-License-Identifier: ISC */
/*
 * Whether a range of uids and gids can be the agents' on this host.
 */
#ifndef NHICTL_RANGE_H
#define NHICTL_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct ctl;

/* Whether this user namespace maps every one of these numbers, as a uid and as a gid. */
bool range_is_mapped(uint32_t uid_min, uint32_t uid_max);

int range_check(struct ctl *c, uint32_t uid_min, uint32_t uid_max);

#endif
