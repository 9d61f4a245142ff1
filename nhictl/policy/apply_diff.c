/* SPDX-License-Identifier: ISC */
/*
 * The difference between the policy and settings in force and those in the files.
 */
#include "nhictl/policy/apply_diff.h"

#include <string.h>

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/setting.h"
#include "libnhi/policy/rule_line.h"
#include "libnhi/policy/rule_text.h"
#include "nhictl/policy/policy_read.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/format.h"

static void touch(const struct ctl *c, struct apply_touched *touched, char sign, const struct nhi_rule *r)
{
    char text[NHI_RULE_TEXT_MAX + 1];

    touched->rules[touched->count++] = r;
    if (c->json)
        return;
    nhi_rule_format(r, text);
    out_string(c->out, "%c %s", sign, text);
}

static bool is_same(const struct nhi_rule *a, const struct nhi_rule *b)
{
    char x[NHI_RULE_LINE_MAX + 1], y[NHI_RULE_LINE_MAX + 1];

    nhi_rule_line_format(a, x);
    nhi_rule_line_format(b, y);
    return strcmp(x, y) == 0;
}

size_t apply_show_rules(struct ctl *c, enum apply_kind kind, const struct apply_side *had,
                        const struct nhi_policy_conf *want, struct apply_touched *touched)
{
    static const char *const keys[] = { "removed", "added", "modified" };
    size_t i = 0, k = 0, n = 0;

    out_strings(c->out, keys[kind], NULL);
    while (i < had->count || k < want->count) {
        const struct nhi_rule *old = i < had->count ? &had->rules[i] : NULL;
        const struct nhi_rule *new = k < want->count ? &want->rules[want->by_name[k]] : NULL;
        int order = old == NULL ? 1 : new == NULL ? -1 : strcmp(old->name, new->name);
        enum apply_kind is = order < 0 ? APPLY_REMOVED : order > 0 ? APPLY_ADDED : APPLY_MODIFIED;

        i += order <= 0;
        k += order >= 0;
        if (is != kind || (is == APPLY_MODIFIED && is_same(old, new)))
            continue;
        n++;
        if (c->json)
            out_string(c->out, "%s", is == APPLY_REMOVED ? old->name : new->name);
        if (is != APPLY_ADDED)
            touch(c, touched, '-', old);
        if (is != APPLY_REMOVED)
            touch(c, touched, '+', new);
    }
    return n;
}

static void value_of(const struct nhi_settings *s, const struct nhi_setting *one, char out[OUT_AGO_LEN])
{
    int64_t n = nhi_setting_get(s, one);

    switch (one->kind) {
    case NHI_SETTING_FLAG:
        snprintf(out, OUT_AGO_LEN, "%s", one->words[n]);
        break;
    case NHI_SETTING_NUMBER:
        snprintf(out, OUT_AGO_LEN, "%lld", (long long)n);
        break;
    case NHI_SETTING_SPAN:
        if (n == 0)
            snprintf(out, OUT_AGO_LEN, "none");
        else
            out_span(n, out);
        break;
    }
}

void apply_show_settings(struct ctl *c, const struct nhi_settings *had, const struct nhi_settings *want)
{
    char a[OUT_AGO_LEN], b[OUT_AGO_LEN];

    out_strings(c->out, "settings", NULL);
    for (const struct nhi_setting *one = nhi_setting_table; one->key != NULL; one++) {
        value_of(had, one, a);
        value_of(want, one, b);
        if (nhi_setting_get(had, one) != nhi_setting_get(want, one))
            out_string(c->out, c->json ? "%s" : "~ %s: %s, now %s", one->key, b, a);
    }
}

void apply_put_settings(struct out_row *r, const struct nhi_settings *set)
{
    for (const struct nhi_setting *one = nhi_setting_table; one->key != NULL; one++) {
        int64_t n = nhi_setting_get(set, one);

        if (one->kind == NHI_SETTING_FLAG)
            out_text(r, one->key, NULL, one->words[n]);
        else
            out_number(r, one->key, NULL, n);
    }
}
