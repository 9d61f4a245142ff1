/* SPDX-License-Identifier: ISC */
/*
 * Agents, as people declare them.
 *
 * MUST: refuse what is not understood: a misspelled key is an error, never an ignored line.
 */
#include "conf/agent_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "libnhi/base/grow.h"
#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_agent.h"

#define KEYS "name, owner, purpose, review_by, uid, group, home, make_home, shell or state"

static enum nhi_err take_text(const config_setting_t *s, char *to, size_t max, bool (*ok)(const char *),
                              const char *expected, struct nhi_conf_error *error)
{
    const char *text = config_setting_get_string(s);

    if (text == NULL || !(ok != NULL ? ok(text) : nhi_name_is_text(text, max)))
        return nhi_conf_bad(error, config_setting_source_line(s), "%s: expected %s, in quotes", config_setting_name(s),
                            expected);
    memcpy(to, text, strlen(text) + 1);
    return NHI_OK;
}

static enum nhi_err take_day(const config_setting_t *s, int64_t *to, struct nhi_conf_error *error)
{
    const char *text = config_setting_get_string(s);
    char moment[NHI_TIME_LEN + 1];

    if (text == NULL || strlen(text) != 10 || snprintf(moment, sizeof(moment), "%sT00:00:00Z", text) != NHI_TIME_LEN ||
        nhi_time_parse(moment, to) != NHI_OK || *to <= 0)
        return nhi_conf_bad(error, config_setting_source_line(s),
                            "%s: expected a date in quotes, such as \"2027-06-30\"", config_setting_name(s));
    return NHI_OK;
}

static enum nhi_err add_group(const char *word, void *to, struct nhi_conf_error *error)
{
    char *list = to;
    size_t have = strlen(list);

    if (!nhi_name_is_account(word))
        return nhi_conf_bad(error, error->line, "group: '%.64s' is not a well-formed name", word);
    if (nhi_list_has(list, word))
        return nhi_conf_bad(error, error->line, "group: '%s' given twice", word);
    if (have + 1 + strlen(word) > NHI_LIST_MAX)
        return nhi_conf_bad(error, error->line, "group: more than %d characters in all", NHI_LIST_MAX);
    snprintf(list + have, NHI_LIST_MAX + 1 - have, "%s%s", have > 0 ? " " : "", word);
    return NHI_OK;
}

static bool is_path(const char *s)
{
    return s[0] == '/' && nhi_name_is_text(s, NHI_PATH_MAX);
}

static enum nhi_err take_flag(const config_setting_t *s, bool *to, struct nhi_conf_error *error)
{
    if (config_setting_type(s) != CONFIG_TYPE_BOOL)
        return nhi_conf_bad(error, config_setting_source_line(s), "%s: expected true or false", config_setting_name(s));
    *to = config_setting_get_bool(s) != 0;
    return NHI_OK;
}

static enum nhi_err take_state(const config_setting_t *s, enum nhi_agent_state *to, struct nhi_conf_error *error)
{
    static const struct {
        const char *name;
        enum nhi_agent_state state;
    } states[] = { { "active", NHI_AGENT_ACTIVE },
                   { "suspended", NHI_AGENT_SUSPENDED },
                   { "retired", NHI_AGENT_RETIRED } };
    const char *text = config_setting_get_string(s);

    for (size_t i = 0; text != NULL && i < sizeof(states) / sizeof(states[0]); i++)
        if (strcmp(text, states[i].name) == 0) {
            *to = states[i].state;
            return NHI_OK;
        }
    return nhi_conf_bad(error, config_setting_source_line(s), "%s: expected \"active\", \"suspended\" or \"retired\"",
                        config_setting_name(s));
}

static enum nhi_err take_key(const config_setting_t *s, struct nhi_agent_entry *e, struct nhi_conf_error *error)
{
    const char *key = config_setting_name(s);
    enum nhi_err err;
    bool make = true;

#define IS(word) (strcmp(key, word) == 0)
    if (IS("name"))
        return take_text(s, e->name, NHI_AGENT_MAX, nhi_name_is_agent,
                         "an agent's name: a lower-case letter, then lower-case letters, digits, _ and -", error);
    if (IS("owner"))
        return take_text(s, e->owner, NHI_OWNER_MAX, nhi_name_is_owner,
                         "an owner without leading or trailing blanks or invisible characters", error);
    if (IS("purpose"))
        return take_text(s, e->purpose, NHI_TEXT_MAX, NULL, "what it is for", error);
    if (IS("review_by"))
        return take_day(s, &e->review_by, error);
    if (IS("uid"))
        return nhi_conf_count(s, 1, INT32_MAX, &e->uid, error);
    if (IS("group"))
        return nhi_conf_each(s, add_group, e->groups, error);
    if (IS("home"))
        return take_text(s, e->home, NHI_PATH_MAX, is_path, "an absolute path", error);
    if (IS("shell"))
        return take_text(s, e->shell, NHI_PATH_MAX, is_path, "an absolute path", error);
    if (IS("state"))
        return take_state(s, &e->state, error);
    if (IS("make_home")) {
        err = take_flag(s, &make, error);
        e->no_home = !make;
        return err;
    }
#undef IS
    return nhi_conf_bad(error, config_setting_source_line(s), "unknown key '%.40s': expected " KEYS, key);
}

static enum nhi_err take_entry(const config_setting_t *group, struct nhi_agent_entry *e, struct nhi_conf_error *error)
{
    unsigned line = config_setting_source_line(group);
    enum nhi_err err = NHI_OK;
    const char *missing;
    int n;

    if (config_setting_type(group) != CONFIG_TYPE_GROUP)
        return nhi_conf_bad(error, line, "agents: expected { … } for each agent");
    n = config_setting_length(group);
    for (int i = 0; i < n && err == NHI_OK; i++)
        err = take_key(config_setting_get_elem(group, (unsigned)i), e, error);
    if (err != NHI_OK)
        return err;
    missing = e->name[0] == '\0'      ? "name"
              : e->owner[0] == '\0'   ? "owner"
              : e->purpose[0] == '\0' ? "purpose"
              : e->review_by == 0     ? "review_by"
                                      : NULL;
    if (missing != NULL)
        return nhi_conf_bad(error, line, "%s is missing: every agent has name, owner, purpose and review_by", missing);
    e->line = line;
    return NHI_OK;
}

static enum nhi_err append(struct nhi_agent_conf *conf, const struct nhi_agent_entry *e, struct nhi_conf_error *error)
{
    struct nhi_agent_entry *all;

    if (conf->count == NHI_CONF_AGENTS_MAX)
        return nhi_conf_bad(error, e->line, "more than %d agents", NHI_CONF_AGENTS_MAX);
    all = nhi_grow(conf->all, &conf->room, conf->count + 1, sizeof(*all));
    if (all == NULL)
        return NHI_ERR_NOMEM;
    conf->all = all;
    conf->all[conf->count++] = *e;
    return NHI_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct nhi_agent_entry *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);

    return order != 0 ? order : (*x > *y) - (*x < *y);
}

static int by_uid(const void *a, const void *b)
{
    const struct nhi_agent_entry *const *x = a, *const *y = b;
    int order = ((*x)->uid > (*y)->uid) - ((*x)->uid < (*y)->uid);

    return order != 0 ? order : (*x > *y) - (*x < *y);
}

static bool same_name(const struct nhi_agent_entry *a, const struct nhi_agent_entry *b)
{
    return strcmp(a->name, b->name) == 0;
}

static bool same_uid(const struct nhi_agent_entry *a, const struct nhi_agent_entry *b)
{
    return a->uid != 0 && a->uid == b->uid;
}

/* The first entry that is the same as an earlier one, which is beside it in sorted; NULL: none. */
static const struct nhi_agent_entry *find_again(const struct nhi_agent_entry **sorted, size_t count,
                                                bool (*same)(const struct nhi_agent_entry *,
                                                             const struct nhi_agent_entry *),
                                                const struct nhi_agent_entry **earlier)
{
    const struct nhi_agent_entry *again = NULL;

    for (size_t i = 1; i < count; i++)
        if (same(sorted[i - 1], sorted[i]) && (again == NULL || sorted[i] < again)) {
            again = sorted[i];
            *earlier = sorted[i - 1];
        }
    return again;
}

static enum nhi_err check_twice(const struct nhi_agent_conf *conf, struct nhi_conf_error *error)
{
    const struct nhi_agent_entry **sorted = calloc(conf->count + 1, sizeof(*sorted)), *again, *one = NULL;
    enum nhi_err err = NHI_OK;

    if (sorted == NULL)
        return NHI_ERR_NOMEM;
    for (size_t i = 0; i < conf->count; i++)
        sorted[i] = &conf->all[i];
    qsort(sorted, conf->count, sizeof(*sorted), by_name);
    again = find_again(sorted, conf->count, same_name, &one);
    if (again != NULL)
        err = nhi_conf_bad(error, again->line, "agent %s is declared twice (%s:%u)", again->name, one->file, one->line);
    qsort(sorted, conf->count, sizeof(*sorted), by_uid);
    if (again == NULL && (again = find_again(sorted, conf->count, same_uid, &one)) != NULL)
        err = nhi_conf_bad(error, again->line, "uid %u belongs to agent %s (%s:%u)", (unsigned)again->uid, one->name,
                           one->file, one->line);
    free(sorted);
    return err;
}

static enum nhi_err take_file(struct nhi_agent_conf *conf, const char *file, const config_t *parsed,
                              struct nhi_conf_error *error)
{
    const config_setting_t *agents = NULL;
    enum nhi_err err;
    int n;

    if (strlen(file) > NHI_DECLARED_MAX || !nhi_name_is_text(file, NHI_DECLARED_MAX))
        return nhi_conf_bad(error, 0, "the file's name is longer than %d bytes, or is not plain text",
                            NHI_DECLARED_MAX);
    err = nhi_conf_only_list(parsed, "agents", &agents, error);
    n = agents != NULL ? config_setting_length(agents) : 0;
    for (int i = 0; i < n && err == NHI_OK; i++) {
        struct nhi_agent_entry e = { .uid = 0 };

        memcpy(e.file, file, strlen(file) + 1);
        err = take_entry(config_setting_get_elem(agents, (unsigned)i), &e, error);
        if (err == NHI_OK)
            err = append(conf, &e, error);
    }
    return err;
}

enum nhi_err nhi_agent_conf_add(struct nhi_agent_conf *conf, const char *name, const char *text, size_t len,
                                struct nhi_conf_error *error)
{
    size_t had = conf->count;
    enum nhi_err err;
    config_t parsed;

    err = nhi_conf_parse(text, len, &parsed, error);
    if (err == NHI_OK)
        err = take_file(conf, name, &parsed, error);
    if (err == NHI_OK)
        err = check_twice(conf, error);
    config_destroy(&parsed);
    if (err != NHI_OK)
        conf->count = had;
    return err;
}

void nhi_agent_conf_free(struct nhi_agent_conf *conf)
{
    if (conf == NULL)
        return;
    free(conf->all);
    memset(conf, 0, sizeof(*conf));
}
