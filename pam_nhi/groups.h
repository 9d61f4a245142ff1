/* SPDX-License-Identifier: ISC */
/*
 * Membership in the groups that make an account take tickets only, or put it under observation.
 *
 * The local file and not NSS: this must not depend on a network.
 */
#ifndef PAM_NHI_GROUPS_H
#define PAM_NHI_GROUPS_H

#include <stdbool.h>
#include <sys/types.h>

#include "libnhi/session/presence.h"

struct pnhi_groups {
    enum nhi_presence only; /* nhi-only; uid 0 never is */
    bool observed;          /* nhi-observe */
};

/* Of the account of that name, uid and primary group. One pass, in which nothing is allocated; cause: errno, where it
 * is blind. */
void pnhi_groups_read(const char *name, uid_t uid, gid_t gid, struct pnhi_groups *out, int *cause);

#endif
