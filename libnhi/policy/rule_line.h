/* SPDX-License-Identifier: ISC */
/*
 * A rule in one line, as the ledger keeps it and the policy's hash is over it: KEY=VALUE for each field that says
 * something, in the order of rule_field.h, with a tab between two. The same rule has the same line for ever; of what a
 * line could hold, none has a tab.
 */
#ifndef NHI_RULE_LINE_H
#define NHI_RULE_LINE_H

#include "libnhi/base/err.h"
#include "libnhi/policy/rule.h"

#define NHI_RULE_LINE_MAX 4095

void nhi_rule_line_format(const struct nhi_rule *r, char out[NHI_RULE_LINE_MAX + 1]);
/* r is zeros, and undefined after an error. NHI_ERR_CORRUPT: what the ledger would not have written, or a field that
 * this release does not know. */
NHI_CHECK enum nhi_err nhi_rule_line_parse(const char *line, struct nhi_rule *r);
/* Whether every word is of its grammar, and what a rule needs is there. */
bool nhi_rule_is_well_formed(const struct nhi_rule *r);

#endif
