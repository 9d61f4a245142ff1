/*
 * Whether a range of uids and gids can be the agents' on this host.
 */
#ifndef NHICTL_RANGE_H
#define NHICTL_RANGE_H

#include <stdint.h>

struct ctl;

int range_check(struct ctl *c, uint32_t uid_min, uint32_t uid_max);

#endif
