/* SPDX-License-Identifier: ISC */
/*
 * Policy and settings, as people write them.
 *
 * MUST: refuse everything that is not understood: a misspelled key is an error, never an ignored line.
 */
#include "conf/policy_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/rule_conf.h"
#include "libnhi/base/grow.h"
#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/setting.h"

#define HOUR 3600
#define DAY 86400

static enum nhi_err grow(struct nhi_policy_conf *conf)
{
    struct nhi_rule *rules;
    struct nhi_rule_origin *where;
    size_t *by_name, need = conf->count + 1, room = conf->room, where_room = room, by_name_room = room;

    rules = nhi_grow(conf->rules, &room, need, sizeof(*rules));
    if (rules == NULL)
        return NHI_ERR_NOMEM;
    conf->rules = rules;
    where = nhi_grow(conf->where, &where_room, need, sizeof(*where));
    if (where == NULL)
        return NHI_ERR_NOMEM;
    conf->where = where;
    by_name = nhi_grow(conf->by_name, &by_name_room, need, sizeof(*by_name));
    if (by_name == NULL)
        return NHI_ERR_NOMEM;
    conf->by_name = by_name;
    conf->room = room;
    return NHI_OK;
}

/* The index in by_name at which the name is, or would be. */
static size_t find_name(const struct nhi_policy_conf *conf, const char *name, bool *is_there)
{
    size_t low = 0, high = conf->count;

    *is_there = false;
    while (low < high && !*is_there) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(conf->rules[conf->by_name[middle]].name, name);

        if (order < 0)
            low = middle + 1;
        else
            high = middle;
        *is_there = order == 0;
    }
    return high;
}

/* Drops all rules after the first count. */
static void cut(struct nhi_policy_conf *conf, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < conf->count; i++)
        if (conf->by_name[i] < count)
            conf->by_name[n++] = conf->by_name[i];
    conf->count = count;
}

static enum nhi_err append(struct nhi_policy_conf *conf, struct nhi_rule *r, const char *file, unsigned line,
                           struct nhi_conf_error *error)
{
    enum nhi_err err = grow(conf);
    bool is_there;
    size_t at;

    if (err != NHI_OK)
        return err;
    if (conf->count == NHI_CONF_RULES_MAX)
        return nhi_conf_bad(error, line, "more than %d rules", NHI_CONF_RULES_MAX);
    if (r->name[0] == '\0' &&
        (snprintf(r->name, sizeof(r->name), "%s:%u", file, line) > NHI_TASK_MAX || !nhi_name_is_task(r->name)))
        return nhi_conf_bad(error, line, "name is missing, and the file's name is too long to derive one");
    at = find_name(conf, r->name, &is_there);
    if (is_there)
        return nhi_conf_bad(error, line, "another rule has the name '%s' (%s:%u)", r->name,
                            conf->where[conf->by_name[at]].file, conf->where[conf->by_name[at]].line);
    memmove(conf->by_name + at + 1, conf->by_name + at, (conf->count - at) * sizeof(*conf->by_name));
    conf->by_name[at] = conf->count;
    conf->rules[conf->count] = *r;
    snprintf(conf->where[conf->count].file, sizeof(conf->where->file), "%s", file);
    conf->where[conf->count].line = line;
    conf->count++;
    return NHI_OK;
}

static enum nhi_err take_file(struct nhi_policy_conf *conf, const char *name, const config_t *parsed,
                              struct nhi_conf_error *error)
{
    const config_setting_t *rules = NULL;
    enum nhi_err err = nhi_conf_only_list(parsed, "rules", &rules, error);
    struct nhi_rule r;
    int n = rules != NULL ? config_setting_length(rules) : 0;

    for (int i = 0; i < n && err == NHI_OK; i++) {
        const config_setting_t *group = config_setting_get_elem(rules, (unsigned)i);

        err = nhi_conf_rule(group, &r, error);
        if (err == NHI_OK)
            err = append(conf, &r, name, config_setting_source_line(group), error);
    }
    return err;
}

enum nhi_err nhi_policy_conf_add(struct nhi_policy_conf *conf, const char *name, const char *text, size_t len,
                                 struct nhi_conf_error *error)
{
    size_t had = conf->count;
    enum nhi_err err;
    config_t parsed;

    err = nhi_conf_parse(text, len, &parsed, error);
    if (err == NHI_OK)
        err = take_file(conf, name, &parsed, error);
    config_destroy(&parsed);
    if (err != NHI_OK)
        cut(conf, had);
    return err;
}

void nhi_policy_conf_free(struct nhi_policy_conf *conf)
{
    if (conf == NULL)
        return;
    free(conf->rules);
    free(conf->where);
    free(conf->by_name);
    memset(conf, 0, sizeof(*conf));
}

static enum nhi_err take_host(const config_setting_t *s, struct nhi_settings *out, struct nhi_conf_error *error)
{
    const char *host = config_setting_get_string(s);

    if (host == NULL || !nhi_name_is_host(host))
        return nhi_conf_bad(error, config_setting_source_line(s),
                            "host: expected a host name in lower case, in quotes");
    memcpy(out->host, host, strlen(host) + 1);
    return NHI_OK;
}

static enum nhi_err unknown_setting(const config_setting_t *s, struct nhi_conf_error *error)
{
    char known[200] = "host, uid_min, uid_max";

    for (const struct nhi_setting *one = nhi_setting_table; one->key != NULL; one++)
        snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", one[1].key != NULL ? ", " : " or ",
                 one->key);
    return nhi_conf_bad(error, config_setting_source_line(s), "unknown setting '%.40s': expected %s",
                        config_setting_name(s), known);
}

static enum nhi_err take_span(const config_setting_t *s, const struct nhi_setting *one, int64_t *out,
                              struct nhi_conf_error *error)
{
    enum nhi_err err = nhi_conf_span(s, out, error);
    bool days = one->max % DAY == 0;

    if (err == NHI_OK && *out > one->max)
        err = nhi_conf_bad(error, config_setting_source_line(s), "%s: at most \"%lld%s\"", one->key,
                           (long long)(one->max / (days ? DAY : HOUR)), days ? "d" : "h");
    return err;
}

static enum nhi_err take_setting(const config_setting_t *s, struct nhi_settings *out, struct nhi_conf_error *error)
{
    const struct nhi_setting *one = nhi_setting_table;
    const char *key = config_setting_name(s);
    enum nhi_err err = NHI_OK;
    uint32_t n = 0;
    int64_t span;

    if (strcmp(key, "host") == 0)
        return take_host(s, out, error);
    if (strcmp(key, "uid_min") == 0)
        return nhi_conf_count(s, 1, INT32_MAX, &out->uid_min, error);
    if (strcmp(key, "uid_max") == 0)
        return nhi_conf_count(s, 1, INT32_MAX, &out->uid_max, error);
    while (one->key != NULL && strcmp(key, one->key) != 0)
        one++;
    if (one->key == NULL)
        return unknown_setting(s, error);
    switch (one->kind) {
    case NHI_SETTING_SPAN:
        err = take_span(s, one, &span, error);
        break;
    case NHI_SETTING_NUMBER:
        err = nhi_conf_count(s, 0, (uint32_t)one->max, &n, error);
        span = n;
        break;
    case NHI_SETTING_FLAG:
        err = nhi_conf_word(s, one->words, &n, error);
        span = n;
        break;
    }
    if (err == NHI_OK)
        nhi_setting_put(out, one, span);
    return err;
}

enum nhi_err nhi_settings_conf_read(const char *text, size_t len, struct nhi_settings *out,
                                    struct nhi_conf_error *error)
{
    struct nhi_settings set = *out;
    enum nhi_err err;
    config_t parsed;

    set.host[0] = '\0';
    set.uid_min = set.uid_max = 0;
    nhi_settings_unwritten(&set);
    err = nhi_conf_parse(text, len, &parsed, error);
    if (err == NHI_OK) {
        const config_setting_t *root = config_root_setting(&parsed);
        int n = config_setting_length(root);

        for (int i = 0; i < n && err == NHI_OK; i++)
            err = take_setting(config_setting_get_elem(root, (unsigned)i), &set, error);
    }
    config_destroy(&parsed);
    if (err == NHI_OK)
        *out = set;
    return err;
}
