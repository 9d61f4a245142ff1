/* SPDX-License-Identifier: ISC */
/*
 * Accounts that no ticket and no policy may name: uid 0, gid 0, and every member of a group that leads
 * to root on an ordinary host. Checked by number and by name over the full membership, as sudo matches it,
 * at issue and at each use.
 */
#ifndef NHI_PRIVILEGED_H
#define NHI_PRIVILEGED_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/base/err.h"

/* An account, as far as a decision needs it. */
struct nhi_host_account {
    char name[33];
    uint32_t uid, gid;
    bool own; /* an agent's own account: the snapshot has this name with this uid */
    bool privileged;
    char because[33]; /* "uid 0" or the group's name; empty when not privileged */
    /* A source of groups that gave no answer, and why; empty: all answered. If not empty, privileged has only what is
     * known. */
    char blind[64];
    bool goes_on; /* blind, but the sources were asked, and this is an agent's own account whose groups are all known
                     here: other sources give it none */
};

/* The local files first, then the snapshot, then what else nsswitch.conf names (elsewhere.h): a look-up of a local
 * account waits for nobody. NHI_ERR_NOT_FOUND: no such account, or none with that name and uid. NHI_ERR_BUSY: the same,
 * as far as is known, and some source gave no answer. Any doubt (a file that cannot be read, more groups than a host
 * has) is an error, never "not privileged". */
NHI_CHECK enum nhi_err nhi_host_account_by_name(const char *name, struct nhi_host_account *out);
/* The uid of the account that a session was opened for: for an agent's own account, the agent's, whatever other account
 * has the name now; for any other account that of nhi_host_account_by_name, with its errors. */
NHI_CHECK enum nhi_err nhi_host_account_uid(const char *name, uint32_t *uid);
/* of_process: if this process has uid as its real uid, the groups of the process count, too. */
NHI_CHECK enum nhi_err nhi_host_account_of(const char *name, uint32_t uid, bool of_process,
                                           struct nhi_host_account *out);

/* Whether a group of this name or number may be given to an agent. name may be NULL. */
bool nhi_group_is_privileged(const char *name, uint32_t gid);

#endif
