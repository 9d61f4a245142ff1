/* SPDX-License-Identifier: ISC */
/*
 * A change of policy and settings, and its effect on live tickets.
 */
#ifndef NHICTL_APPLY_H
#define NHICTL_APPLY_H

#include "libnhi/policy/decide.h"

struct ctl;
struct store;
struct nhi_policy_conf;
struct nhi_settings;

/* The policy before or after the change. */
struct apply_side {
    struct nhi_rule *rules;
    size_t count;
    int64_t max_lifetime; /* the limit of this host, in seconds */
    bool overdue_denies;
};
/* The rules that differ between the two sides. */
struct apply_touched {
    const struct nhi_rule **rules;
    size_t count;
};
enum apply_kind { APPLY_REMOVED, APPLY_ADDED, APPLY_MODIFIED };

/* Whether the policy and settings in the files differ from those in force. Returns an exit code, after reporting what
 * is wrong with them. */
int apply_is_pending(struct ctl *c, struct store *s, bool *pending);

#endif
