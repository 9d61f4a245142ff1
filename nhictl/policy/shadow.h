/* SPDX-License-Identifier: ISC */
/*
 * Rules that another rule makes useless.
 */
#ifndef NHICTL_SHADOW_H
#define NHICTL_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/policy/rule.h"

struct nhi_rule_field;

#define SHADOW_FIELDS 8 /* that are lists of words, at most */

struct shadow_word {
    uint64_t word; /* made from its text */
    size_t rule;
};
struct shadow_list {
    struct shadow_word *all;
    size_t count, room;
};
struct shadow_field {
    const struct nhi_rule_field *field;
    struct shadow_list words;   /* by word, then by rule */
    struct shadow_list general; /* rules which any word may match, in their order */
};
struct shadows {
    const struct nhi_rule *rules;
    struct shadow_field by[SHADOW_FIELDS];
    size_t fields;
};

/* Whether outer matches every request that inner matches. */
bool shadow_covers(const struct nhi_rule *outer, const struct nhi_rule *inner);
/* Prepares the rules, which have to stay where they are. false: out of memory. shadows_free in any case. */
bool shadows_read(struct shadows *s, const struct nhi_rule *rules, size_t count);
void shadows_free(struct shadows *s);
/* The first rule that makes rule i useless, by forbidding or permitting everything that it matches. Of two that say the
 * same, the later one is useless. The cost depends on how many rules name the same words, not on how many there are. */
bool shadow_find(const struct shadows *s, size_t i, size_t *by);

#endif
