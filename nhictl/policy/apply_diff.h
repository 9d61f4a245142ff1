/* SPDX-License-Identifier: ISC */
/*
 * The difference between the policy and settings in force and those in the files.
 */
#ifndef NHICTL_APPLY_DIFF_H
#define NHICTL_APPLY_DIFF_H

#include "nhictl/policy/apply.h"

struct out_row;

/* Lists one kind of difference, had's rules being by name, and returns how many: keys "removed", "added",
 * "modified". touched has room for the rules of both sides. */
size_t apply_show_rules(struct ctl *c, enum apply_kind kind, const struct apply_side *had,
                        const struct nhi_policy_conf *want, struct apply_touched *touched);
/* Lists the settings that differ: key "settings". */
void apply_show_settings(struct ctl *c, const struct nhi_settings *had, const struct nhi_settings *want);
/* Adds each setting, under its own key. */
void apply_put_settings(struct out_row *r, const struct nhi_settings *set);

#endif
