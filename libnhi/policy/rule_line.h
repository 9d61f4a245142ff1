/*
 * A rule as the ledger keeps it: sources and hours as words with a space between two, and the whole rule as the one
 * line that a decision reads (NHI_SQL_LINE in sql.h).
 */
#ifndef NHI_RULE_LINE_H
#define NHI_RULE_LINE_H

#include "libnhi/base/err.h"
#include "libnhi/policy/rule.h"

#define NHI_RULE_SOURCE_MAX (NHI_RULE_NETS_MAX * (NHI_NET_TEXT_MAX + 1) + 12)
#define NHI_RULE_HOURS_TEXT_MAX (NHI_RULE_HOURS_MAX * 10)

void nhi_rule_source_format(const struct nhi_rule *r, char text[NHI_RULE_SOURCE_MAX + 1]);
void nhi_rule_hours_format(const struct nhi_rule *r, char text[NHI_RULE_HOURS_TEXT_MAX + 1]);

/* r is zeros, and undefined after an error. NHI_ERR_CORRUPT: what the ledger would not have written. */
NHI_CHECK enum nhi_err nhi_rule_line_parse(const char *line, struct nhi_rule *r);

#endif
