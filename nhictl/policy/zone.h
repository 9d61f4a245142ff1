/* SPDX-License-Identifier: ISC */
/*
 * Time zones as seconds ahead of UTC. Policy is compiled to these, since no decision reads zone files.
 */
#ifndef NHICTL_ZONE_H
#define NHICTL_ZONE_H

#include <stdbool.h>
#include <stdint.h>

bool zone_is_known(const char *name);
int32_t zone_ahead(const char *name, int64_t at);
/* Calls fn for from, and for each moment before until at which the offset changes. fn: returns 0 to continue. */
int zone_each(const char *name, int64_t from, int64_t until, int (*fn)(int64_t at, int32_t ahead, void *), void *ctx);

#endif
