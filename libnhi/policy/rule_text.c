/* SPDX-License-Identifier: ISC */
#include "libnhi/policy/rule_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/policy/rule_field.h"
#include "libnhi/ticket/sshopt.h"

struct text {
    char *out;
    size_t len;
};

/* Every part fits: the longest values together are far shorter than the buffer. */
__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->out + t->len, NHI_RULE_TEXT_MAX + 1 - t->len, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n <= NHI_RULE_TEXT_MAX - t->len)
        t->len += (size_t)n;
}

static void add_owners(struct text *t, const char *at)
{
    while (*at != '\0') {
        size_t n = strcspn(at, "\n");

        add(t, " \"%.*s\"", (int)n, at);
        at += n + (at[n] == '\n');
    }
}

static void add_source(struct text *t, const struct nhi_rule *r)
{
    char net[NHI_NET_TEXT_MAX + 1];

    if (r->local)
        add(t, " local");
    if (r->unix_socket)
        add(t, " " NHI_NET_UNIX);
    for (uint32_t i = 0; i < r->net_count; i++) {
        nhi_net_format(&r->nets[i], net);
        add(t, " %s", net);
    }
}

static void add_bits(struct text *t, int64_t bits, const char *const *names)
{
    for (unsigned i = 0; names[i] != NULL; i++)
        if ((bits & (INT64_C(1) << i)) != 0)
            add(t, " %s", names[i]);
}

static void add_hours(struct text *t, const struct nhi_rule *r)
{
    for (uint32_t i = 0; i < r->hours_count; i++)
        add(t, " %02u:%02u-%02u:%02u", r->hours[i].from / 60u, r->hours[i].from % 60u, r->hours[i].to / 60u,
            r->hours[i].to % 60u);
}

static void add_ssh(struct text *t, uint32_t ssh)
{
    char text[NHI_SSHOPT_TEXT_MAX + 1];

    nhi_sshopt_format(ssh, ' ', text);
    add(t, " %s", text);
}

static void add_value(struct text *t, const struct nhi_rule *r, const struct nhi_rule_field *f)
{
    static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL };
    static const char *const bound[] = { "key", "tree", "nothing", NULL };

    switch (f->kind) {
    case NHI_FIELD_NAME:
    case NHI_FIELD_EFFECT:
        return; /* they are at the beginning of the text */
    case NHI_FIELD_OWNERS:
        add_owners(t, nhi_rule_field_text(r, f));
        return;
    case NHI_FIELD_SOURCE:
        add_source(t, r);
        return;
    case NHI_FIELD_DAYS:
        add_bits(t, r->days, days);
        return;
    case NHI_FIELD_HOURS:
        add_hours(t, r);
        return;
    case NHI_FIELD_BOUND:
        add_bits(t, r->bound, bound);
        return;
    case NHI_FIELD_SSH:
        add_ssh(t, r->ssh);
        return;
    case NHI_FIELD_SPAN:
        add(t, " %llds", (long long)nhi_rule_field_number(r, f));
        return;
    case NHI_FIELD_USES:
    case NHI_FIELD_CAP:
        add(t, " %lld", (long long)nhi_rule_field_number(r, f));
        return;
    case NHI_FIELD_PATTERNS:
    case NHI_FIELD_NAMES:
    case NHI_FIELD_ZONE:
        add(t, " %s", nhi_rule_field_text(r, f));
        return;
    }
}

void nhi_rule_format(const struct nhi_rule *r, char out[NHI_RULE_TEXT_MAX + 1])
{
    struct text t = { out, 0 };
    const char *between = " ";

    add(&t, "%s %s:", r->forbid ? "forbid" : "permit", r->name);
    for (size_t i = 0; i < nhi_rule_field_count; i++) {
        const struct nhi_rule_field *f = &nhi_rule_fields[i];

        if (f->kind == NHI_FIELD_NAME || f->kind == NHI_FIELD_EFFECT || !nhi_rule_field_is_set(r, f))
            continue;
        /* The zone follows the hours that it belongs to, without its key. */
        if (f->kind != NHI_FIELD_ZONE)
            add(&t, "%s%s", between, f->key);
        between = ", ";
        add_value(&t, r, f);
    }
}
