/* SPDX-License-Identifier: ISC */
/*
 * One rule, as people write it.
 *
 * MUST: refuse what is not understood: a misspelled key is an error, never an ignored line.
 */
#include "conf/rule_conf.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/policy/rule_field.h"
#include "libnhi/ticket/sshopt.h"

struct list {
    const char *key;
    char *text;
    size_t max;
    bool (*ok)(const char *);
};

static enum nhi_err add_name(const char *word, void *to, struct nhi_conf_error *error)
{
    const struct list *l = to;
    size_t have = strlen(l->text);

    if (!l->ok(word))
        return nhi_conf_bad(error, error->line, "%s: '%.64s' is not a well-formed name", l->key, word);
    if (nhi_list_has(l->text, word))
        return nhi_conf_bad(error, error->line, "%s: '%s' given twice", l->key, word);
    if (have + 1 + strlen(word) > l->max)
        return nhi_conf_bad(error, error->line, "%s: more than %zu characters in all", l->key, l->max);
    snprintf(l->text + have, l->max + 1 - have, "%s%s", have > 0 ? " " : "", word);
    return NHI_OK;
}

static enum nhi_err take_names(const config_setting_t *s, char *text, bool (*ok)(const char *),
                               struct nhi_conf_error *error)
{
    struct list l = { config_setting_name(s), text, NHI_LIST_MAX, ok };

    return nhi_conf_each(s, add_name, &l, error);
}

/* Names, or "*" for all of them. */
static enum nhi_err take_names_or_any(const config_setting_t *s, char *text, bool (*ok)(const char *),
                                      struct nhi_conf_error *error)
{
    const char *word = config_setting_get_string(s);

    if (word == NULL || strcmp(word, NHI_ANY) != 0)
        return take_names(s, text, ok, error);
    memcpy(text, NHI_ANY, sizeof(NHI_ANY));
    return NHI_OK;
}

static enum nhi_err add_owner(const char *word, void *to, struct nhi_conf_error *error)
{
    struct nhi_rule *r = to;
    size_t have = strlen(r->owners);

    if (!nhi_name_is_text(word, NHI_OWNER_MAX))
        return nhi_conf_bad(error, error->line, "owner: expected an owner as nhictl agent list shows it");
    if (have + 1 + strlen(word) > NHI_RULE_OWNERS_MAX)
        return nhi_conf_bad(error, error->line, "owner: more than %d bytes in all", NHI_RULE_OWNERS_MAX);
    snprintf(r->owners + have, sizeof(r->owners) - have, "%s%s", have > 0 ? "\n" : "", word);
    return NHI_OK;
}

static enum nhi_err add_source(const char *word, void *to, struct nhi_conf_error *error)
{
    struct nhi_rule *r = to;

    if (strcmp(word, "local") == 0) {
        r->local = true;
        return NHI_OK;
    }
    if (strcmp(word, NHI_NET_UNIX) == 0) {
        r->unix_socket = true;
        return NHI_OK;
    }
    if (r->net_count == NHI_RULE_NETS_MAX)
        return nhi_conf_bad(error, error->line, "source: more than %d networks", NHI_RULE_NETS_MAX);
    if (nhi_net_parse(word, &r->nets[r->net_count]) != NHI_OK)
        return nhi_conf_bad(error, error->line,
                            "source: invalid value '%.64s': expected \"local\", \"unix\", or a numeric address or "
                            "network, without bits after its prefix (192.0.2.0/24, 2001:db8::/32)",
                            word);
    r->net_count++;
    return NHI_OK;
}

static int day_of(const char *text, size_t len)
{
    static const char days[][4] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

    for (int i = 0; i < 7; i++)
        if (len == 3 && strncmp(text, days[i], 3) == 0)
            return i;
    return -1;
}

static enum nhi_err add_days(const char *word, void *to, struct nhi_conf_error *error)
{
    struct nhi_rule *r = to;
    size_t len = strcspn(word, "-");
    int from = day_of(word, len), last = from;

    if (word[len] == '-')
        last = day_of(word + len + 1, strlen(word + len + 1));
    if (from < 0 || last < 0)
        return nhi_conf_bad(error, error->line,
                            "days: invalid value '%.64s': expected sun, mon, tue, wed, thu, fri, sat, or a range such "
                            "as mon-fri",
                            word);
    for (;; from = (from + 1) % 7) {
        r->days |= (uint8_t)(1u << from);
        if (from == last)
            return NHI_OK;
    }
}

/* "HH:MM"; 24:00 is allowed as an end. */
static int minute_of(const char *text)
{
    int h, m;

    if (strspn(text, "0123456789") != 2 || text[2] != ':' || strspn(text + 3, "0123456789") != 2)
        return -1;
    h = (text[0] - '0') * 10 + text[1] - '0';
    m = (text[3] - '0') * 10 + text[4] - '0';
    return m < 60 && (h < 24 || (h == 24 && m == 0)) ? h * 60 + m : -1;
}

static enum nhi_err add_hours(const char *word, void *to, struct nhi_conf_error *error)
{
    struct nhi_rule *r = to;
    int from = minute_of(word), until = from >= 0 && word[5] == '-' ? minute_of(word + 6) : -1;

    if (until < 0 || word[11] != '\0' || from == until || from == NHI_DAY_MINUTES)
        return nhi_conf_bad(error, error->line,
                            "hours: invalid span '%.64s': expected for example 08:00-18:00, or 22:00-06:00 across "
                            "midnight",
                            word);
    if (r->hours_count == NHI_RULE_HOURS_MAX)
        return nhi_conf_bad(error, error->line, "hours: more than %d spans", NHI_RULE_HOURS_MAX);
    r->hours[r->hours_count].from = (uint16_t)from;
    r->hours[r->hours_count++].to = (uint16_t)until;
    return NHI_OK;
}

static enum nhi_err take_zone(const config_setting_t *s, struct nhi_rule *r, struct nhi_conf_error *error)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    const char *zone = config_setting_get_string(s);

    if (zone == NULL || zone[0] == '\0' || zone[0] == '/' || strlen(zone) > NHI_ZONE_MAX ||
        zone[strspn(zone, letters)] != '\0')
        return nhi_conf_bad(error, config_setting_source_line(s),
                            "zone: expected a name from the tz database, such as \"Europe/Berlin\"");
    memcpy(r->zone, zone, strlen(zone) + 1);
    return NHI_OK;
}

static enum nhi_err add_bound(const char *word, void *to, struct nhi_conf_error *error)
{
    struct nhi_rule *r = to;

    if (strcmp(word, "key") == 0)
        r->bound |= NHI_BOUND_KEY;
    else if (strcmp(word, "tree") == 0)
        r->bound |= NHI_BOUND_TREE;
    else if (strcmp(word, "nothing") == 0)
        r->bound |= NHI_BOUND_NOTHING;
    else
        return nhi_conf_bad(error, error->line, "bound: expected \"key\", \"tree\", \"nothing\", or an array of them");
    return NHI_OK;
}

static enum nhi_err add_ssh(const char *word, void *to, struct nhi_conf_error *error)
{
    struct nhi_rule *r = to;
    uint32_t option = nhi_sshopt_parse(word);

    if (option == 0)
        return nhi_conf_bad(error, error->line,
                            "ssh: expected \"restrict\", or an array of \"no-pty\", "
                            "\"no-port-forwarding\", \"no-agent-forwarding\", \"no-X11-forwarding\"");
    r->ssh |= option;
    return NHI_OK;
}

static enum nhi_err take_effect(const config_setting_t *s, struct nhi_rule *r, bool *given,
                                struct nhi_conf_error *error)
{
    static const char *const words[] = { "permit", "forbid", NULL };
    unsigned which = 0;
    enum nhi_err err = nhi_conf_word(s, words, &which, error);

    r->forbid = which == 1;
    *given = err == NHI_OK;
    return err;
}

static enum nhi_err take_name(const config_setting_t *s, struct nhi_rule *r, struct nhi_conf_error *error)
{
    const char *name = config_setting_get_string(s);

    if (name == NULL || !nhi_name_is_task(name))
        return nhi_conf_bad(error, config_setting_source_line(s),
                            "name: expected 1 to %d printable characters without spaces, in quotes", NHI_TASK_MAX);
    memcpy(r->name, name, strlen(name) + 1);
    return NHI_OK;
}

/* "name, effect, … or ssh" */
static enum nhi_err unknown_key(const config_setting_t *s, struct nhi_conf_error *error)
{
    char keys[512] = "";
    size_t len = 0;

    for (size_t i = 0; i < nhi_rule_field_count && len < sizeof(keys); i++)
        len += (size_t)snprintf(keys + len, sizeof(keys) - len, "%s%s",
                                i == 0                          ? ""
                                : i == nhi_rule_field_count - 1 ? " or "
                                                                : ", ",
                                nhi_rule_fields[i].key);
    return nhi_conf_bad(error, config_setting_source_line(s), "unknown key '%.40s': expected %s",
                        config_setting_name(s), keys);
}

static enum nhi_err take_number(const config_setting_t *s, struct nhi_rule *r, const struct nhi_rule_field *f,
                                struct nhi_conf_error *error)
{
    uint32_t count = 0;
    int64_t span = 0;
    enum nhi_err err;

    if (f->kind == NHI_FIELD_SPAN)
        err = nhi_conf_span(s, &span, error);
    else
        err = nhi_conf_count(s, 1, (uint32_t)f->max, &count, error);
    if (err == NHI_OK)
        nhi_rule_field_set(r, f, span + count);
    return err;
}

static enum nhi_err take_key(const config_setting_t *s, struct nhi_rule *r, bool *effect, struct nhi_conf_error *error)
{
    const struct nhi_rule_field *f = nhi_rule_field(config_setting_name(s));

    if (f == NULL)
        return unknown_key(s, error);
    switch (f->kind) {
    case NHI_FIELD_NAME:
        return take_name(s, r, error);
    case NHI_FIELD_EFFECT:
        return take_effect(s, r, effect, error);
    case NHI_FIELD_PATTERNS:
        return take_names(s, nhi_rule_field_text_of(r, f), f->ok, error);
    case NHI_FIELD_NAMES:
        return take_names_or_any(s, nhi_rule_field_text_of(r, f), f->ok, error);
    case NHI_FIELD_OWNERS:
        return nhi_conf_each(s, add_owner, r, error);
    case NHI_FIELD_SOURCE:
        return nhi_conf_each(s, add_source, r, error);
    case NHI_FIELD_DAYS:
        return nhi_conf_each(s, add_days, r, error);
    case NHI_FIELD_HOURS:
        return nhi_conf_each(s, add_hours, r, error);
    case NHI_FIELD_ZONE:
        return take_zone(s, r, error);
    case NHI_FIELD_BOUND:
        return nhi_conf_each(s, add_bound, r, error);
    case NHI_FIELD_SSH:
        return nhi_conf_each(s, add_ssh, r, error);
    case NHI_FIELD_SPAN:
    case NHI_FIELD_USES:
    case NHI_FIELD_CAP:
        return take_number(s, r, f, error);
    }
    return NHI_ERR_FORMAT;
}

/* Checks what concerns several keys. */
static enum nhi_err check(const struct nhi_rule *r, bool effect, unsigned line, struct nhi_conf_error *error)
{
    if (!effect)
        return nhi_conf_bad(error, line, "effect is missing: expected \"permit\" or \"forbid\"");
    if (r->agents[0] == '\0' && r->owners[0] == '\0')
        return nhi_conf_bad(error, line, "agent is missing: every rule names agent or owner");
    if (r->accounts[0] == '\0' || r->services[0] == '\0')
        return nhi_conf_bad(error, line, "%s is missing: every rule names account and service",
                            r->accounts[0] == '\0' ? "account" : "service");
    if (r->zone[0] != '\0' && r->days == 0 && r->hours_count == 0)
        return nhi_conf_bad(error, line, "zone: given without days or hours");
    if (r->forbid && r->ssh != 0)
        return nhi_conf_bad(error, line, "ssh: a rule that forbids opens no session to restrict");
    if (r->forbid && (r->max_sessions != 0 || r->max_grants != 0))
        return nhi_conf_bad(error, line, "%s: a rule that forbids grants nothing to count",
                            r->max_sessions != 0 ? "max_sessions" : "max_grants_per_hour");
    if (nhi_list_has(r->accounts, "root"))
        return nhi_conf_bad(error, line, "account: no ticket and no rule may name root");
    return NHI_OK;
}

enum nhi_err nhi_conf_rule(const config_setting_t *group, struct nhi_rule *out, struct nhi_conf_error *error)
{
    unsigned line = config_setting_source_line(group);
    struct nhi_rule r = { .forbid = false };
    enum nhi_err err = NHI_OK;
    bool effect = false;
    int n;

    if (config_setting_type(group) != CONFIG_TYPE_GROUP)
        return nhi_conf_bad(error, line, "rules: expected { … } for each rule");
    n = config_setting_length(group);
    for (int i = 0; i < n && err == NHI_OK; i++)
        err = take_key(config_setting_get_elem(group, (unsigned)i), &r, &effect, error);
    if (err == NHI_OK)
        err = check(&r, effect, line, error);
    if (err != NHI_OK)
        return err;
    if (r.zone[0] == '\0' && (r.days != 0 || r.hours_count != 0))
        memcpy(r.zone, "UTC", sizeof("UTC"));
    *out = r;
    return NHI_OK;
}
