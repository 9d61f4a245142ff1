/* SPDX-License-Identifier: ISC */
/*
 * The fields of a rule: one table from which come reading a policy file, the line that the ledger keeps and the
 * policy's hash is over, the text for people, and whether one rule says as much as another. What is not in it does not
 * exist.
 */
#ifndef NHI_RULE_FIELD_H
#define NHI_RULE_FIELD_H

#include "libnhi/policy/rule.h"

enum nhi_rule_kind {
    NHI_FIELD_NAME,     /* the rule's own */
    NHI_FIELD_EFFECT,   /* a flag: it forbids */
    NHI_FIELD_PATTERNS, /* words with a space between two, which may hold * and ? */
    NHI_FIELD_NAMES,    /* words, or NHI_ANY alone */
    NHI_FIELD_OWNERS,   /* texts, one a line */
    NHI_FIELD_SOURCE,   /* networks, local, unix_socket */
    NHI_FIELD_DAYS,     /* a bit for each */
    NHI_FIELD_HOURS,    /* spans of minutes */
    NHI_FIELD_ZONE,     /* of the days and hours */
    NHI_FIELD_BOUND,    /* a bit for each of what is enough */
    NHI_FIELD_SPAN,     /* a ticket's greatest, in seconds */
    NHI_FIELD_USES,     /* a ticket's greatest number */
    NHI_FIELD_CAP,      /* of all that the rule gives together */
    NHI_FIELD_SSH       /* a bit for each of what is taken away */
};

struct nhi_rule_field {
    const char *key; /* in policy files, in the line, and for people */
    enum nhi_rule_kind kind;
    enum nhi_condition fails; /* what is said when it is not met; NHI_COND_MET: it is no condition */
    size_t at, size;          /* in struct nhi_rule; 0, 0: in several of its members */
    int64_t max;              /* of a number */
    bool (*ok)(const char *); /* of a word */
};

/* In the order of the line. */
extern const struct nhi_rule_field nhi_rule_fields[];
extern const size_t nhi_rule_field_count;

/* "agent", "source" …: the key of the field that is not met. */
const char *nhi_condition_name(enum nhi_condition c);
/* NULL: there is no such key. */
const struct nhi_rule_field *nhi_rule_field(const char *key);

/* Whether the rule says anything in it. */
bool nhi_rule_field_is_set(const struct nhi_rule *r, const struct nhi_rule_field *f);
/* Of a field that is a text. */
const char *nhi_rule_field_text(const struct nhi_rule *r, const struct nhi_rule_field *f);
char *nhi_rule_field_text_of(struct nhi_rule *r, const struct nhi_rule_field *f);
/* Of one that is a number, bits or a flag. */
int64_t nhi_rule_field_number(const struct nhi_rule *r, const struct nhi_rule_field *f);
void nhi_rule_field_set(struct nhi_rule *r, const struct nhi_rule_field *f, int64_t n);

#endif
