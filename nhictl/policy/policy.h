/* SPDX-License-Identifier: ISC */
/*
 * The verbs of policy.
 */
#ifndef NHICTL_POLICY_H
#define NHICTL_POLICY_H

struct ctl;

struct policy_args {
    const char *policy; /* a directory of policy files; NULL: this host's */
};

#endif
