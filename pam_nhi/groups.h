/* SPDX-License-Identifier: ISC */
/*
 * Membership in the groups that make an account accept tickets only, or put it under observation.
 *
 * From the local file and not NSS: this must not depend on a network.
 */
#ifndef PAM_NHI_GROUPS_H
#define PAM_NHI_GROUPS_H

#include <stdbool.h>
#include <sys/types.h>

#include "libnhi/session/presence.h"

struct pnhi_groups {
    enum nhi_presence only; /* nhi-only; never for uid 0 */
    bool observed;          /* nhi-observe */
};

/* For the account with that name, uid and primary group. One pass, which allocates nothing; cause: errno, if the file
 * could not be read. */
void pnhi_groups_read(const char *name, uid_t uid, gid_t gid, struct pnhi_groups *out, int *cause);

#endif
