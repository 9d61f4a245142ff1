/* SPDX-License-Identifier: ISC */
#include "libnhi/policy/rule_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/policy/rule_field.h"

#define ALWAYS 2 /* name and effect are in every line: without effect, a rule that forbids would permit */
#define LOCAL "local"
#define FORBID "forbid"
#define PERMIT "permit"

struct line {
    char *out;
    size_t len;
};

/* Every part fits: the longest values together are far shorter than the line (tests/unit/test_rule_field.c). */
__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(l->out + l->len, NHI_RULE_LINE_MAX + 1 - l->len, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n <= NHI_RULE_LINE_MAX - l->len)
        l->len += (size_t)n;
}

static void add_source(struct line *l, const struct nhi_rule *r)
{
    const char *between = "";
    char net[NHI_NET_TEXT_MAX + 1];

    if (r->local) {
        add(l, LOCAL);
        between = " ";
    }
    if (r->unix_socket) {
        add(l, "%s%s", between, NHI_NET_UNIX);
        between = " ";
    }
    for (uint32_t i = 0; i < r->net_count; i++) {
        nhi_net_format(&r->nets[i], net);
        add(l, "%s%s", between, net);
        between = " ";
    }
}

static void add_hours(struct line *l, const struct nhi_rule *r)
{
    for (uint32_t i = 0; i < r->hours_count; i++)
        add(l, "%s%u-%u", i > 0 ? " " : "", (unsigned)r->hours[i].from, (unsigned)r->hours[i].to);
}

static void add_value(struct line *l, const struct nhi_rule *r, const struct nhi_rule_field *f)
{
    switch (f->kind) {
    case NHI_FIELD_EFFECT:
        add(l, "%s", r->forbid ? FORBID : PERMIT);
        return;
    case NHI_FIELD_SOURCE:
        add_source(l, r);
        return;
    case NHI_FIELD_HOURS:
        add_hours(l, r);
        return;
    case NHI_FIELD_NAME:
    case NHI_FIELD_PATTERNS:
    case NHI_FIELD_NAMES:
    case NHI_FIELD_OWNERS:
    case NHI_FIELD_ZONE:
        add(l, "%s", nhi_rule_field_text(r, f));
        return;
    case NHI_FIELD_DAYS:
    case NHI_FIELD_BOUND:
    case NHI_FIELD_SPAN:
    case NHI_FIELD_USES:
    case NHI_FIELD_CAP:
    case NHI_FIELD_SSH:
        add(l, "%lld", (long long)nhi_rule_field_number(r, f));
        return;
    }
}

void nhi_rule_line_format(const struct nhi_rule *r, char out[NHI_RULE_LINE_MAX + 1])
{
    struct line l = { out, 0 };

    out[0] = '\0';
    for (size_t i = 0; i < nhi_rule_field_count; i++) {
        const struct nhi_rule_field *f = &nhi_rule_fields[i];

        if (!nhi_rule_field_is_set(r, f))
            continue;
        add(&l, "%s%s=", l.len > 0 ? "\t" : "", f->key);
        add_value(&l, r, f);
    }
}

/* ---- reading ---- */

static bool take_source(char *text, struct nhi_rule *r)
{
    char *save = NULL, *word;

    for (word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        if (strcmp(word, LOCAL) == 0)
            r->local = true;
        else if (strcmp(word, NHI_NET_UNIX) == 0)
            r->unix_socket = true;
        else if (r->net_count == NHI_RULE_NETS_MAX || nhi_net_parse(word, &r->nets[r->net_count++]) != NHI_OK)
            return false;
    }
    return true;
}

static bool take_hours(const char *text, struct nhi_rule *r)
{
    unsigned from, to;
    int n = 0;

    for (; *text != '\0'; text += n) {
        if (r->hours_count == NHI_RULE_HOURS_MAX || sscanf(text, "%4u-%4u%n", &from, &to, &n) != 2 ||
            from >= NHI_DAY_MINUTES || to > NHI_DAY_MINUTES || (text[n] != '\0' && text[n] != ' '))
            return false;
        r->hours[r->hours_count].from = (uint16_t)from;
        r->hours[r->hours_count++].to = (uint16_t)to;
        n += text[n] == ' ';
    }
    return true;
}

static bool take_effect(const char *text, struct nhi_rule *r)
{
    r->forbid = strcmp(text, FORBID) == 0;
    return r->forbid || strcmp(text, PERMIT) == 0;
}

static bool take_text(const char *text, struct nhi_rule *r, const struct nhi_rule_field *f)
{
    size_t len = strlen(text);

    if (len >= f->size)
        return false;
    memcpy(nhi_rule_field_text_of(r, f), text, len + 1);
    return true;
}

static bool take_number(const char *text, struct nhi_rule *r, const struct nhi_rule_field *f)
{
    int64_t n = 0;

    for (; *text >= '0' && *text <= '9' && n <= (INT64_MAX - 9) / 10; text++)
        n = n * 10 + (*text - '0');
    if (*text != '\0' || n > f->max)
        return false;
    nhi_rule_field_set(r, f, n);
    return true;
}

static bool take_value(char *text, struct nhi_rule *r, const struct nhi_rule_field *f)
{
    switch (f->kind) {
    case NHI_FIELD_EFFECT:
        return take_effect(text, r);
    case NHI_FIELD_SOURCE:
        return take_source(text, r);
    case NHI_FIELD_HOURS:
        return take_hours(text, r);
    case NHI_FIELD_NAME:
    case NHI_FIELD_PATTERNS:
    case NHI_FIELD_NAMES:
    case NHI_FIELD_OWNERS:
    case NHI_FIELD_ZONE:
        return take_text(text, r, f);
    case NHI_FIELD_DAYS:
    case NHI_FIELD_BOUND:
    case NHI_FIELD_SPAN:
    case NHI_FIELD_USES:
    case NHI_FIELD_CAP:
    case NHI_FIELD_SSH:
        return take_number(text, r, f);
    }
    return false;
}

/* Each field at most once, in its order. A release does not skip a field that it does not know. */
enum nhi_err nhi_rule_line_parse(const char *line, struct nhi_rule *r)
{
    char copy[NHI_RULE_LINE_MAX + 1], *part, *next, *value;
    size_t len = strlen(line), at = 0;

    if (len > NHI_RULE_LINE_MAX)
        return NHI_ERR_CORRUPT;
    memcpy(copy, line, len + 1);
    for (part = copy; part != NULL; part = next) {
        next = strchr(part, '\t');
        if (next != NULL)
            *next++ = '\0';
        value = strchr(part, '=');
        if (value == NULL)
            return NHI_ERR_CORRUPT;
        *value++ = '\0';
        while (at < nhi_rule_field_count && strcmp(nhi_rule_fields[at].key, part) != 0)
            if (at++ < ALWAYS)
                return NHI_ERR_CORRUPT;
        if (at == nhi_rule_field_count || !take_value(value, r, &nhi_rule_fields[at]) ||
            !nhi_rule_field_is_set(r, &nhi_rule_fields[at]))
            return NHI_ERR_CORRUPT;
        at++;
    }
    return at >= ALWAYS ? NHI_OK : NHI_ERR_CORRUPT;
}

static bool is_list(const struct nhi_rule *r, const struct nhi_rule_field *f)
{
    const char *text = nhi_rule_field_text(r, f);

    if (f->kind == NHI_FIELD_NAMES && strcmp(text, NHI_ANY) == 0)
        return true;
    return text[0] == '\0' || nhi_list_is_valid(text, f->ok);
}

bool nhi_rule_is_well_formed(const struct nhi_rule *r)
{
    for (size_t i = 0; i < nhi_rule_field_count; i++) {
        const struct nhi_rule_field *f = &nhi_rule_fields[i];

        if ((f->kind == NHI_FIELD_PATTERNS || f->kind == NHI_FIELD_NAMES) && !is_list(r, f))
            return false;
    }
    return nhi_name_is_task(r->name) && (r->agents[0] != '\0' || r->owners[0] != '\0') && r->accounts[0] != '\0' &&
           r->services[0] != '\0' && r->net_count <= NHI_RULE_NETS_MAX && r->hours_count <= NHI_RULE_HOURS_MAX &&
           ((r->days == 0 && r->hours_count == 0) || r->zone[0] != '\0');
}
