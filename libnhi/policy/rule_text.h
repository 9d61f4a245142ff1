/* SPDX-License-Identifier: ISC */
/*
 * A rule as text for people.
 */
#ifndef NHI_RULE_TEXT_H
#define NHI_RULE_TEXT_H

#include "libnhi/policy/rule.h"

void nhi_rule_format(const struct nhi_rule *r, char out[NHI_RULE_TEXT_MAX + 1]);

#endif
