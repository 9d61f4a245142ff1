/*
 * What a change of policy and settings is, and what it does to the tickets that live.
 */
#ifndef NHICTL_APPLY_H
#define NHICTL_APPLY_H

#include "libnhi/decide.h"

struct ctl;
struct store;
struct nhi_policy_conf;
struct nhi_settings;
struct nhi_settings_conf;

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
/* Lists one kind of difference, had's rules being by name, and returns how many: keys "removed", "added",
 * "modified". touched has room for the rules of both sides. */
size_t apply_show_rules(struct ctl *c, enum apply_kind kind, const struct apply_side *had,
                        const struct nhi_policy_conf *want, struct apply_touched *touched);
/* The settings that differ: key "settings". */
void apply_show_settings(struct ctl *c, const struct nhi_settings *had, const struct nhi_settings_conf *want);
/* Every door that a live ticket would lose or gain, into c's answer: keys "loses" and "gains". */
int apply_show_tickets(struct ctl *c, struct store *s, const struct apply_side *had,
                       const struct apply_side *want, const struct apply_touched *touched);

/* Whether the policy and settings that are written are others than those in force. An exit code, after saying what is
 * wrong with them. */
int apply_is_pending(struct ctl *c, struct store *s, bool *pending);

#endif
