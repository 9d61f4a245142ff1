/* SPDX-License-Identifier: ISC */
/*
 * The fields of a rule, in one table. It drives reading a policy file, the line that the ledger keeps and that the
 * policy's hash covers, the text for people, and the comparison of two rules. A field that is not in the table does not
 * exist.
 */
#ifndef NHI_RULE_FIELD_H
#define NHI_RULE_FIELD_H

#include "libnhi/policy/rule.h"

enum nhi_rule_kind {
    NHI_FIELD_NAME,     /* the name of the rule */
    NHI_FIELD_EFFECT,   /* a flag: the rule forbids */
    NHI_FIELD_PATTERNS, /* words separated by spaces, which may have * and ? */
    NHI_FIELD_NAMES,    /* words, or NHI_ANY alone */
    NHI_FIELD_OWNERS,   /* texts, one on each line */
    NHI_FIELD_SOURCE,   /* networks, local, unix_socket */
    NHI_FIELD_DAYS,     /* a bit for each day */
    NHI_FIELD_HOURS,    /* spans of minutes */
    NHI_FIELD_ZONE,     /* for the days and hours */
    NHI_FIELD_BOUND,    /* a bit for each binding that is enough */
    NHI_FIELD_SPAN,     /* of a ticket, at most, in seconds */
    NHI_FIELD_USES,     /* of a ticket, at most */
    NHI_FIELD_CAP,      /* over all that the rule permits */
    NHI_FIELD_SSH       /* a bit for each option that is taken away */
};

struct nhi_rule_field {
    const char *key; /* in policy files, in the line, and for people */
    enum nhi_rule_kind kind;
    enum nhi_condition fails; /* the condition that is reported if it is not met; NHI_COND_MET: it is not a condition */
    size_t at, size;          /* in struct nhi_rule; 0, 0: it has several members */
    int64_t max;              /* for a number */
    bool (*ok)(const char *); /* checks a word */
};

/* In the order of the line. */
extern const struct nhi_rule_field nhi_rule_fields[];
extern const size_t nhi_rule_field_count;

/* "agent", "source" …: the key of the field whose condition is not met. */
const char *nhi_condition_name(enum nhi_condition c);
/* NULL: no such key. */
const struct nhi_rule_field *nhi_rule_field(const char *key);

/* Whether the field has a value in the rule. */
bool nhi_rule_field_is_set(const struct nhi_rule *r, const struct nhi_rule_field *f);
/* For a field that is a text. */
const char *nhi_rule_field_text(const struct nhi_rule *r, const struct nhi_rule_field *f);
char *nhi_rule_field_text_of(struct nhi_rule *r, const struct nhi_rule_field *f);
/* For one that is a number, bits or a flag. */
int64_t nhi_rule_field_number(const struct nhi_rule *r, const struct nhi_rule_field *f);
void nhi_rule_field_set(struct nhi_rule *r, const struct nhi_rule_field *f, int64_t n);

#endif
