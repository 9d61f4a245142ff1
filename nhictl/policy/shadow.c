/* SPDX-License-Identifier: ISC */
/*
 * Rules that another rule makes useless.
 *
 * MUST: find the same as a comparison of each rule with each other one (tests/unit/test_shadow.c).
 */
#include "nhictl/policy/shadow.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/names.h"
#include "libnhi/policy/rule_field.h"

/* ---- a rule that includes another ---- */

/* Every word of inner is a word of outer, or matches one of its patterns. */
static bool covers_words(const char *outer, const char *inner)
{
    char word[NHI_LIST_MAX + 1], pattern[NHI_LIST_MAX + 1];

    while ((inner = nhi_list_next(inner, word)) != NULL) {
        const char *at = outer;
        bool any = false;

        while (!any && (at = nhi_list_next(at, pattern)) != NULL)
            any = strcmp(pattern, word) == 0 || (strpbrk(word, "*?") == NULL && nhi_glob(pattern, word)) ||
                  strcmp(pattern, NHI_ANY) == 0;
        if (!any)
            return false;
    }
    return true;
}

/* Both name the same networks, or outer names none. */
static bool covers_source(const struct nhi_rule *outer, const struct nhi_rule *inner)
{
    return outer->net_count == inner->net_count && outer->local == inner->local &&
           outer->unix_socket == inner->unix_socket && memcmp(outer->nets, inner->nets, sizeof(outer->nets)) == 0;
}

/* Days, hours and their zone are one condition. */
static bool covers_time(const struct nhi_rule *outer, const struct nhi_rule *inner)
{
    if (outer->days == 0 && outer->hours_count == 0)
        return true;
    return outer->days == inner->days && outer->hours_count == inner->hours_count &&
           strcmp(outer->zone, inner->zone) == 0 && memcmp(outer->hours, inner->hours, sizeof(outer->hours)) == 0;
}

static bool covers_list(const char *outer, const char *inner)
{
    return strcmp(outer, NHI_ANY) == 0 || (inner[0] != '\0' && covers_words(outer, inner));
}

/* Whether anything that meets inner in that field also meets outer, which has a value in it. */
static bool covers_field(const struct nhi_rule_field *f, const struct nhi_rule *outer, const struct nhi_rule *inner)
{
    switch (f->kind) {
    case NHI_FIELD_NAME:
    case NHI_FIELD_EFFECT:
    case NHI_FIELD_CAP:
    case NHI_FIELD_SSH:
        return true; /* which requests match does not depend on them */
    case NHI_FIELD_PATTERNS:
    case NHI_FIELD_NAMES:
        return covers_list(nhi_rule_field_text(outer, f), nhi_rule_field_text(inner, f));
    case NHI_FIELD_OWNERS:
        return strcmp(outer->owners, inner->owners) == 0;
    case NHI_FIELD_SOURCE:
        return covers_source(outer, inner);
    case NHI_FIELD_DAYS:
    case NHI_FIELD_HOURS:
    case NHI_FIELD_ZONE:
        return covers_time(outer, inner);
    case NHI_FIELD_BOUND:
        return inner->bound != 0 && (inner->bound & ~outer->bound) == 0;
    case NHI_FIELD_SPAN:
    case NHI_FIELD_USES:
        return nhi_rule_field_is_set(inner, f) && nhi_rule_field_number(inner, f) <= nhi_rule_field_number(outer, f);
    }
    return false;
}

bool shadow_covers(const struct nhi_rule *outer, const struct nhi_rule *inner)
{
    for (size_t i = 0; i < nhi_rule_field_count; i++) {
        const struct nhi_rule_field *f = &nhi_rule_fields[i];

        if (nhi_rule_field_is_set(outer, f) && !covers_field(f, outer, inner))
            return false;
    }
    return true;
}

static bool is_capped(const struct nhi_rule *r)
{
    return r->max_sessions != 0 || r->max_grants != 0;
}

/* Whether rule n makes rule i useless. */
static bool shadows(const struct shadows *s, size_t n, size_t i)
{
    const struct nhi_rule *r = &s->rules[i], *other = &s->rules[n];

    if (n == i || !shadow_covers(other, r) || (other->forbid == r->forbid && n > i && shadow_covers(r, other)))
        return false;
    return other->forbid || (!r->forbid && !is_capped(other) && r->ssh == 0);
}

/* ---- which rules need to be compared ---- */

/* A rule that includes another has, in each field of words, the first word of the other, or a pattern, or nothing. So
 * for each such field, rules are found by their words; those that have a pattern or nothing are looked at always. Where
 * two different words have the same number, a rule is compared in vain. */
static uint64_t number_of(const char *word)
{
    uint64_t n = UINT64_C(14695981039346656037);

    for (; *word != '\0'; word++)
        n = (n ^ (unsigned char)*word) * UINT64_C(1099511628211);
    return n;
}

static bool is_text(const struct nhi_rule_field *f)
{
    return f->kind == NHI_FIELD_PATTERNS || f->kind == NHI_FIELD_NAMES;
}

static int by_word(const void *a, const void *b)
{
    const struct shadow_word *x = a, *y = b;

    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static bool add(struct shadow_list *l, uint64_t word, size_t rule)
{
    struct shadow_word *more;

    if (l->count > 0 && l->all[l->count - 1].word == word && l->all[l->count - 1].rule == rule)
        return true;
    more = nhi_grow(l->all, &l->room, l->count + 1, sizeof(*more));
    if (more == NULL)
        return false;
    l->all = more;
    l->all[l->count++] = (struct shadow_word){ word, rule };
    return true;
}

static bool add_rule(struct shadow_field *by, const struct nhi_rule *r, size_t rule)
{
    const char *list = nhi_rule_field_text(r, by->field), *at = list;
    char word[NHI_LIST_MAX + 1];

    if (!nhi_rule_field_is_set(r, by->field) || strpbrk(list, "*?") != NULL)
        return add(&by->general, 0, rule);
    while ((at = nhi_list_next(at, word)) != NULL)
        if (!add(&by->words, number_of(word), rule))
            return false;
    return true;
}

bool shadows_read(struct shadows *s, const struct nhi_rule *rules, size_t count)
{
    memset(s, 0, sizeof(*s));
    s->rules = rules;
    for (size_t f = 0; f < nhi_rule_field_count; f++) {
        struct shadow_field *by = &s->by[s->fields];

        if (!is_text(&nhi_rule_fields[f]) || s->fields == SHADOW_FIELDS)
            continue;
        s->fields++;
        by->field = &nhi_rule_fields[f];
        for (size_t i = 0; i < count; i++)
            if (!add_rule(by, &rules[i], i))
                return false;
        if (by->words.count > 0)
            qsort(by->words.all, by->words.count, sizeof(*by->words.all), by_word);
    }
    return true;
}

void shadows_free(struct shadows *s)
{
    for (size_t i = 0; i < s->fields; i++) {
        free(s->by[i].words.all);
        free(s->by[i].general.all);
    }
    memset(s, 0, sizeof(*s));
}

/* The first entry that is not less than this one. */
static size_t first_of(const struct shadow_list *l, struct shadow_word than)
{
    size_t from = 0, until = l->count;

    while (from < until) {
        size_t middle = from + (until - from) / 2;

        if (by_word(&l->all[middle], &than) < 0)
            from = middle + 1;
        else
            until = middle;
    }
    return from;
}

/* Those that have to be compared, in two lists, each in the order of the rules. */
struct candidates {
    const struct shadow_word *at[2];
    size_t left[2];
};

static struct candidates candidates_by(const struct shadow_field *by, const struct nhi_rule *r)
{
    struct candidates c = { { by->general.all, NULL }, { by->general.count, 0 } };
    char word[NHI_LIST_MAX + 1];
    size_t first;
    uint64_t n;

    if (nhi_list_next(nhi_rule_field_text(r, by->field), word) == NULL)
        return c;
    n = number_of(word);
    first = first_of(&by->words, (struct shadow_word){ n, 0 });
    c.at[1] = by->words.all + first;
    c.left[1] = first_of(&by->words, (struct shadow_word){ n, SIZE_MAX }) - first;
    return c;
}

bool shadow_find(const struct shadows *s, size_t i, size_t *by)
{
    struct candidates best = candidates_by(&s->by[0], &s->rules[i]);

    for (size_t f = 1; f < s->fields; f++) {
        struct candidates c = candidates_by(&s->by[f], &s->rules[i]);

        if (c.left[0] + c.left[1] < best.left[0] + best.left[1])
            best = c;
    }
    while (best.left[0] + best.left[1] > 0) {
        int next = best.left[1] == 0 || (best.left[0] > 0 && best.at[0]->rule < best.at[1]->rule) ? 0 : 1;
        size_t n = best.at[next]->rule;

        best.at[next]++;
        best.left[next]--;
        if (shadows(s, n, i)) {
            *by = n;
            return true;
        }
    }
    return false;
}
