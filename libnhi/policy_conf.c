/*
 * MUST: hand libconfig no text that nests deeply, includes other files or holds a NUL. MUST: refuse
 * what is not understood: a misspelled key is an error, never an ignored line.
 */
#include "libnhi/policy_conf.h"

#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/sshopt.h"

__attribute__((format(printf, 3, 4))) static enum nhi_err bad(struct nhi_conf_error *error,
                                                              unsigned line, const char *fmt, ...)
{
    va_list ap;

    error->line = line;
    va_start(ap, fmt);
    (void)vsnprintf(error->text, sizeof(error->text), fmt, ap);
    va_end(ap);
    return NHI_ERR_FORMAT;
}

/* Where the comment or string that starts at p ends, or p itself. */
static const char *skip(const char *p, unsigned *line)
{
    const char *start = p;

    if (*p == '"') {
        for (p++; *p != '\0' && *p != '"'; p++) {
            if (*p == '\\' && p[1] != '\0')
                p++;
            if (*p == '\n')
                (*line)++;
        }
        return *p == '"' ? p + 1 : p;
    }
    if (*p == '#' || (p[0] == '/' && p[1] == '/'))
        return p + strcspn(p, "\n");
    if (p[0] == '/' && p[1] == '*') {
        p = strstr(p + 2, "*/");
        if (p == NULL)
            return start + strlen(start);
        for (const char *q = start; q < p; q++)
            if (*q == '\n')
                (*line)++;
        return p + 2;
    }
    return p;
}

static enum nhi_err check_text(const char *text, size_t len, struct nhi_conf_error *error)
{
    unsigned line = 1, depth = 0;

    if (strlen(text) != len)
        return bad(error, 0, "it holds a zero byte");
    /* Refused in comments too: libconfig looks for it before it looks for anything else. */
    if (strstr(text, "@include") != NULL)
        return bad(error, 0, "@include is not taken: one directory holds every file");
    for (const char *p = text; *p != '\0';) {
        const char *next = skip(p, &line);

        if (next != p) {
            p = next;
            continue;
        }
        if (*p == '\n')
            line++;
        if (strchr("([{", *p) != NULL && ++depth > NHI_CONF_DEPTH_MAX)
            return bad(error, line, "nested more than %d levels deep", NHI_CONF_DEPTH_MAX);
        if (strchr(")]}", *p) != NULL && depth > 0)
            depth--;
        p++;
    }
    return NHI_OK;
}

static enum nhi_err add_word(const config_setting_t *s, const char *word, bool (*ok)(const char *),
                             char *list, struct nhi_conf_error *error)
{
    const char *key = config_setting_name(s);
    size_t have = strlen(list);
    unsigned line = config_setting_source_line(s);

    if (word == NULL)
        return bad(error, line, "%s: expected a name in quotes, or an array of them", key);
    if (!ok(word))
        return bad(error, line, "%s: '%.64s' is not a well-formed name", key, word);
    if (nhi_list_has(list, word))
        return bad(error, line, "%s: '%s' is there twice", key, word);
    if (have + 1 + strlen(word) > NHI_LIST_MAX)
        return bad(error, line, "%s: longer than %d characters together", key, NHI_LIST_MAX);
    (void)snprintf(list + have, NHI_LIST_MAX + 1 - have, "%s%s", have > 0 ? " " : "", word);
    return NHI_OK;
}

static enum nhi_err take_list(const config_setting_t *s, bool (*ok)(const char *), char *list,
                              struct nhi_conf_error *error)
{
    enum nhi_err err = NHI_OK;
    int n;

    if (config_setting_type(s) == CONFIG_TYPE_STRING)
        return add_word(s, config_setting_get_string(s), ok, list, error);
    if (config_setting_type(s) != CONFIG_TYPE_ARRAY)
        return bad(error, config_setting_source_line(s),
                   "%s: expected a name in quotes, or an array of them", config_setting_name(s));
    n = config_setting_length(s);
    if (n == 0)
        return bad(error, config_setting_source_line(s), "%s: an empty list matches nobody",
                   config_setting_name(s));
    for (int i = 0; i < n && err == NHI_OK; i++)
        err = add_word(s, config_setting_get_string_elem(s, i), ok, list, error);
    return err;
}

static enum nhi_err take_effect(const config_setting_t *s, struct nhi_rule *r, bool *given,
                                struct nhi_conf_error *error)
{
    const char *effect = config_setting_get_string(s);

    if (effect == NULL || (strcmp(effect, "permit") != 0 && strcmp(effect, "forbid") != 0))
        return bad(error, config_setting_source_line(s),
                   "effect: expected \"permit\" or \"forbid\"");
    r->forbid = strcmp(effect, "forbid") == 0;
    *given = true;
    return NHI_OK;
}

static enum nhi_err take_name(const config_setting_t *s, struct nhi_rule *r,
                              struct nhi_conf_error *error)
{
    const char *name = config_setting_get_string(s);

    if (name == NULL || !nhi_name_is_task(name))
        return bad(error, config_setting_source_line(s),
                   "name: expected 1 to %d printable characters without space in quotes",
                   NHI_TASK_MAX);
    memcpy(r->name, name, strlen(name) + 1);
    return NHI_OK;
}

static bool is_ssh_option(const char *word)
{
    return nhi_sshopt_parse(word) != 0;
}

static enum nhi_err take_ssh(const config_setting_t *s, struct nhi_rule *r,
                             struct nhi_conf_error *error)
{
    char list[NHI_LIST_MAX + 1] = "", word[NHI_LIST_MAX + 1];
    const char *at = list;
    enum nhi_err err = take_list(s, is_ssh_option, list, error);

    if (err != NHI_OK)
        return bad(error, config_setting_source_line(s),
                   "ssh: expected \"restrict\", or an array of \"no-pty\", \"no-port-forwarding\", "
                   "\"no-agent-forwarding\", \"no-X11-forwarding\"");
    while ((at = nhi_list_next(at, word)) != NULL)
        r->ssh |= nhi_sshopt_parse(word);
    return NHI_OK;
}

static enum nhi_err take_rule(const config_setting_t *group, struct nhi_rule *r,
                              struct nhi_conf_error *error)
{
    unsigned line = config_setting_source_line(group);
    enum nhi_err err = NHI_OK;
    bool effect = false;
    int n;

    memset(r, 0, sizeof(*r));
    if (config_setting_type(group) != CONFIG_TYPE_GROUP)
        return bad(error, line, "rules: expected { … } for each rule");
    n = config_setting_length(group);
    for (int i = 0; i < n && err == NHI_OK; i++) {
        const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
        const char *key = config_setting_name(s);

        if (strcmp(key, "name") == 0)
            err = take_name(s, r, error);
        else if (strcmp(key, "effect") == 0)
            err = take_effect(s, r, &effect, error);
        else if (strcmp(key, "agent") == 0)
            err = take_list(s, nhi_name_is_agent, r->agents, error);
        else if (strcmp(key, "account") == 0)
            err = take_list(s, nhi_name_is_account, r->accounts, error);
        else if (strcmp(key, "service") == 0)
            err = take_list(s, nhi_name_is_service, r->services, error);
        else if (strcmp(key, "ssh") == 0)
            err = take_ssh(s, r, error);
        else
            err = bad(error, config_setting_source_line(s),
                      "unknown key '%.40s': expected name, effect, agent, account, service or ssh",
                      key);
    }
    if (err != NHI_OK)
        return err;
    if (!effect)
        return bad(error, line, "effect is missing: expected \"permit\" or \"forbid\"");
    if (r->agents[0] == '\0' || r->accounts[0] == '\0' || r->services[0] == '\0')
        return bad(error, line, "%s is missing: every rule names agent, account and service",
                   r->agents[0] == '\0'     ? "agent"
                   : r->accounts[0] == '\0' ? "account"
                                            : "service");
    if (r->forbid && r->ssh != 0)
        return bad(error, line, "ssh: a rule that forbids has no session to take something from");
    if (nhi_list_has(r->accounts, "root"))
        return bad(error, line, "account: root is out of reach of every ticket and every rule");
    return NHI_OK;
}

static enum nhi_err grow(struct nhi_policy_conf *conf)
{
    struct nhi_rule *rules;
    struct where *where;
    size_t room = conf->room * 2 + 16;

    if (conf->count < conf->room)
        return NHI_OK;
    rules = reallocarray(conf->rules, room, sizeof(*rules));
    if (rules == NULL)
        return NHI_ERR_NOMEM;
    conf->rules = rules;
    where = reallocarray(conf->where, room, sizeof(*where));
    if (where == NULL)
        return NHI_ERR_NOMEM;
    conf->where = where;
    conf->room = room;
    return NHI_OK;
}

static enum nhi_err append(struct nhi_policy_conf *conf, struct nhi_rule *r, const char *file,
                           unsigned line, struct nhi_conf_error *error)
{
    enum nhi_err err = grow(conf);

    if (err != NHI_OK)
        return err;
    if (conf->count == NHI_CONF_RULES_MAX)
        return bad(error, line, "more than %d rules", NHI_CONF_RULES_MAX);
    if (r->name[0] == '\0' &&
        (snprintf(r->name, sizeof(r->name), "%s:%u", file, line) > NHI_TASK_MAX ||
         !nhi_name_is_task(r->name)))
        return bad(error, line, "name is missing, and the file's name is too long to make one");
    for (size_t i = 0; i < conf->count; i++)
        if (strcmp(conf->rules[i].name, r->name) == 0)
            return bad(error, line, "name '%s' is another rule's (%s:%u)", r->name,
                       conf->where[i].file, conf->where[i].line);
    conf->rules[conf->count] = *r;
    (void)snprintf(conf->where[conf->count].file, sizeof(conf->where->file), "%s", file);
    conf->where[conf->count].line = line;
    conf->count++;
    return NHI_OK;
}

static enum nhi_err take_pin(struct nhi_policy_conf *conf, const config_setting_t *s,
                             struct nhi_conf_error *error)
{
    const char *pin = config_setting_get_string(s);

    if (pin == NULL || (strcmp(pin, "refuse") != 0 && strcmp(pin, "record") != 0))
        return bad(error, config_setting_source_line(s), "pin: expected \"refuse\" or \"record\"");
    if (conf->pin_given)
        return bad(error, config_setting_source_line(s), "pin is set twice");
    conf->pin_given = true;
    conf->pin_records = strcmp(pin, "record") == 0;
    return NHI_OK;
}

static enum nhi_err take_file(struct nhi_policy_conf *conf, const char *name,
                              const config_t *parsed, struct nhi_conf_error *error)
{
    const config_setting_t *root = config_root_setting(parsed), *rules;
    enum nhi_err err = NHI_OK;
    struct nhi_rule r;
    int n = config_setting_length(root);

    for (int i = 0; i < n; i++) {
        const config_setting_t *s = config_setting_get_elem(root, (unsigned)i);

        if (strcmp(config_setting_name(s), "pin") == 0)
            err = take_pin(conf, s, error);
        else if (strcmp(config_setting_name(s), "rules") != 0)
            err = bad(error, config_setting_source_line(s),
                      "unknown setting '%.40s': expected rules or pin", config_setting_name(s));
        if (err != NHI_OK)
            return err;
    }
    rules = config_setting_get_member(root, "rules");
    if (rules == NULL)
        return NHI_OK; /* a file of comments */
    if (config_setting_type(rules) != CONFIG_TYPE_LIST)
        return bad(error, config_setting_source_line(rules),
                   "rules: expected a list: ( {…}, {…} )");
    n = config_setting_length(rules);
    for (int i = 0; i < n && err == NHI_OK; i++) {
        const config_setting_t *group = config_setting_get_elem(rules, (unsigned)i);

        err = take_rule(group, &r, error);
        if (err == NHI_OK)
            err = append(conf, &r, name, config_setting_source_line(group), error);
    }
    return err;
}

enum nhi_err nhi_policy_conf_add(struct nhi_policy_conf *conf, const char *name, const char *text,
                                 size_t len, struct nhi_conf_error *error)
{
    const struct nhi_policy_conf had = *conf;
    enum nhi_err err;
    config_t parsed;

    memset(error, 0, sizeof(*error));
    err = check_text(text, len, error);
    if (err != NHI_OK)
        return err;
    config_init(&parsed);
    if (config_read_string(&parsed, text) == CONFIG_TRUE)
        err = take_file(conf, name, &parsed, error);
    else
        err = bad(error, (unsigned)config_error_line(&parsed), "%s",
                  config_error_text(&parsed) != NULL ? config_error_text(&parsed) : "not readable");
    config_destroy(&parsed);
    if (err != NHI_OK) {
        conf->count = had.count;
        conf->pin_given = had.pin_given;
        conf->pin_records = had.pin_records;
    }
    return err;
}

void nhi_policy_conf_free(struct nhi_policy_conf *conf)
{
    if (conf == NULL)
        return;
    free(conf->rules);
    free(conf->where);
    memset(conf, 0, sizeof(*conf));
}
