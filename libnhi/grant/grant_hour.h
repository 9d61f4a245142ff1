/* SPDX-License-Identifier: ISC */
/*
 * Grants by rules that limit the number per hour.
 */
#ifndef NHI_GRANT_HOUR_H
#define NHI_GRANT_HOUR_H

#include "libnhi/grant/grant.h"

/* How many grants the rule gave in the 3,600 seconds before now. */
NHI_CHECK enum nhi_err nhi_grant_count(const char *dir, const char *rule, int64_t now, uint32_t *count);

/* Takes a place among the grants that g's rule permits in an hour. NHI_ERR_BUSY: none is free. */
NHI_CHECK enum nhi_err nhi_record_take_hour(int fd, int dirfd, const struct nhi_grant *g);
/* Whether the place with that name still counts. */
bool nhi_record_is_in_hour(const char *name, int64_t now);

#endif
