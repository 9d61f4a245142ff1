/* SPDX-License-Identifier: ISC */
/*
 * Checking this host, one part in each file.
 *
 * It only reads, and treats every file as hostile: torn, endless, or owned by another user.
 */
#ifndef NHICTL_DOCTOR_H
#define NHICTL_DOCTOR_H

#include "hostcfg/finding.h"
#include "nhictl/store/store.h"

struct doctor {
    struct ctl *c;
    struct store s;                /* s.l NULL: no ledger can be read */
    enum nhi_err ledger;           /* the result of opening it */
    char agent[NHI_AGENT_MAX + 1]; /* an active agent that the host resolves; empty: none */
    char *only; /* the accounts that accept tickets only, by their names in nhi-only, with spaces between them */
    struct findings found;
};

/* Each checks one part of the host, in this order; a finding of one part may make one of a later part unnecessary. */
#define DOCTOR_PARTS(X) \
    X(pam) X(sshd) X(sudo) X(others) X(host) X(files) X(store) X(keys) X(accounts) X(elsewhere) X(policy)

#define DOCTOR_PART(name) void doctor_##name(struct doctor *d);
DOCTOR_PARTS(DOCTOR_PART)
#undef DOCTOR_PART

#endif
