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

/* What decides, before or after. */
struct apply_side {
    struct nhi_rule *rules;
    size_t count;
    int64_t max_lifetime; /* of the house, seconds */
    bool overdue_denies;
};
/* The rules of one side that are not the same on the other. */
struct apply_touched {
    const struct nhi_rule **rules;
    size_t count;
};
enum apply_kind { APPLY_REMOVED, APPLY_ADDED, APPLY_MODIFIED };

/* Whether the policy and settings that are written are others than those in force. An exit code, after saying what is
 * wrong with them. */
int apply_is_pending(struct ctl *c, struct store *s, bool *pending);

#endif
