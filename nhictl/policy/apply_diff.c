/* SPDX-License-Identifier: ISC */
/*
 * The difference between the policy and settings in force and those in the files.
 */
#include "nhictl/policy/apply_diff.h"

#include <string.h>

#include "libnhi/ledger/ledger.h"
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

static void show_setting(struct ctl *c, const char *key, const char *had, const char *want)
{
    if (strcmp(had, want) != 0)
        out_string(c->out, c->json ? "%s" : "~ %s: %s, now %s", key, want, had);
}

static void show_span(struct ctl *c, const char *key, int64_t had, int64_t want)
{
    char a[OUT_AGO_LEN] = "none", b[OUT_AGO_LEN] = "none";

    if (had != 0)
        out_span(had, a);
    if (want != 0)
        out_span(want, b);
    show_setting(c, key, a, b);
}

void apply_show_settings(struct ctl *c, const struct nhi_settings *had, const struct nhi_settings_conf *want)
{
    out_strings(c->out, "settings", NULL);
    show_span(c, "max_lifetime", had->max_lifetime, want->max_lifetime);
    show_span(c, "grace", had->grace, want->grace);
    show_span(c, "warn", had->warn, want->warn);
    show_setting(c, "pin", had->pin_records ? "record" : "refuse", want->pin_records ? "record" : "refuse");
    show_setting(c, "overdue", had->overdue_denies ? "deny" : "report", want->overdue_denies ? "deny" : "report");
    show_setting(c, "supervisor", had->unsupervised ? "optional" : "required",
                 want->unsupervised ? "optional" : "required");
    show_span(c, "head_every", had->head_every, want->head_every);
    show_span(c, "denials_every", had->denials_every, want->denials_every);
}
