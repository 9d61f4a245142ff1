/*
 * Accounts that no ticket and no policy may name: uid 0, gid 0, and every member of a group that leads
 * to root on an ordinary host. Checked by number over the full membership, at issue and at each use.
 */
#ifndef NHI_PRIVILEGED_H
#define NHI_PRIVILEGED_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/err.h"

/* What getpwnam says, as far as a decision needs it. */
struct nhi_local {
    char name[33];
    uint32_t uid, gid;
    bool privileged;
    char because[33]; /* "uid 0" or the group's name; empty when not privileged */
};

/* By name or by number, through NSS with the caller's own buffers. NHI_ERR_NOT_FOUND: no such account.
 * Any doubt (a lookup that fails, more groups than a host has) is an error, never "not privileged". */
NHI_CHECK enum nhi_err nhi_local_by_name(const char *name, struct nhi_local *out);
NHI_CHECK enum nhi_err nhi_local_by_uid(uint32_t uid, struct nhi_local *out);

/* Whether a group of this name or number may be given to an agent. */
bool nhi_group_is_privileged(const char *name, uint32_t gid);

#endif
