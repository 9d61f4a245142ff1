/*
 * Revoking, for revoke and key revoke.
 */
#ifndef NHICTL_REVOKE_H
#define NHICTL_REVOKE_H

#include "libnhi/ledger.h"
#include "nhictl/ctl.h"

struct revocation {
    enum nhi_revoke_kind kind;
    const char *id, *reason;
};

int revoke_run(struct ctl *c, const struct revocation *r);

#endif
