/* SPDX-License-Identifier: ISC */
/*
 * Looking at this host, a part in each file.
 *
 * It only reads, and treats every file that it reads as hostile: torn, endless, or owned by somebody else.
 */
#ifndef NHICTL_DOCTOR_H
#define NHICTL_DOCTOR_H

#include "hostcfg/finding.h"
#include "nhictl/store/store.h"

struct doctor {
    struct ctl *c;
    struct store s;                /* s.l NULL: there is no ledger that can be read */
    enum nhi_err ledger;           /* what became of opening it */
    char agent[NHI_AGENT_MAX + 1]; /* an active agent that the host resolves; empty: there is none */
    char *only; /* the accounts that take tickets only, by their names in nhi-only, with spaces between them */
    struct findings found;
};

/* Each looks at one part of the host, in this order; what a part has found may spare a later one its own. */
#define DOCTOR_PARTS(X) \
    X(pam) X(sshd) X(sudo) X(others) X(host) X(files) X(store) X(keys) X(accounts) X(elsewhere) X(policy)

#define DOCTOR_PART(name) void doctor_##name(struct doctor *d);
DOCTOR_PARTS(DOCTOR_PART)
#undef DOCTOR_PART

#endif
