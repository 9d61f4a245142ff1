/* SPDX-License-Identifier: ISC */
/*
 * A rule in one line, as the ledger keeps it and as the policy's hash covers it: KEY=VALUE for each field that has a
 * value, in the order of rule_field.h, separated by tabs, which no value can have. The line of a rule never changes.
 */
#ifndef NHI_RULE_LINE_H
#define NHI_RULE_LINE_H

#include "libnhi/base/err.h"
#include "libnhi/policy/rule.h"

#define NHI_RULE_LINE_MAX 4095

void nhi_rule_line_format(const struct nhi_rule *r, char out[NHI_RULE_LINE_MAX + 1]);
/* r: all zeros before the call; undefined after an error. NHI_ERR_CORRUPT: a line that the ledger would not have
 * written, or a field that this release does not know. */
NHI_CHECK enum nhi_err nhi_rule_line_parse(const char *line, struct nhi_rule *r);
/* Whether every word matches its grammar, and the rule has what it needs. */
bool nhi_rule_is_well_formed(const struct nhi_rule *r);

#endif
