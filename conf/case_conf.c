/* SPDX-License-Identifier: ISC */
/*
 * Requests with expected outcomes, as people write them:
 *
 *   tests = (
 *     { agent = "ci-bot"; task = "CHG-1"; account = "deploy"; service = "sshd"; from = "10.20.0.7";
 *       at = "2027-03-01T09:00:00Z"; expect = "permit"; rule = "release"; }
 *   );
 */
#include "conf/case_conf.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "libnhi/base/time.h"

static enum nhi_err take_text(const config_setting_t *s, char *out, size_t size, bool (*ok)(const char *),
                              struct nhi_conf_error *error)
{
    const char *text = config_setting_get_string(s);

    if (text == NULL || strlen(text) >= size || !ok(text))
        return nhi_conf_bad(error, config_setting_source_line(s), "%s: expected one name in quotes",
                            config_setting_name(s));
    memcpy(out, text, strlen(text) + 1);
    return NHI_OK;
}

static bool is_owner(const char *s)
{
    return nhi_name_is_text(s, NHI_OWNER_MAX);
}

static bool is_address(const char *s)
{
    struct nhi_net net;

    return strcmp(s, NHI_NET_UNIX) == 0 || (strchr(s, '/') == NULL && nhi_net_parse(s, &net) == NHI_OK);
}

static enum nhi_err take_at(const config_setting_t *s, int64_t *out, struct nhi_conf_error *error)
{
    const char *text = config_setting_get_string(s);

    if (text != NULL && nhi_time_parse(text, out) == NHI_OK)
        return NHI_OK;
    return nhi_conf_bad(error, config_setting_source_line(s), "at: expected a time such as \"2027-06-30T12:00:00Z\"");
}

static enum nhi_err take_key(const config_setting_t *s, struct nhi_policy_case *k, bool *expect,
                             struct nhi_conf_error *error)
{
    static const char *const bounds[] = { "nothing", "key", "tree", NULL };
    static const char *const outcomes[] = { "permit", "deny", NULL };
    const char *key = config_setting_name(s);
    unsigned which = 0;
    enum nhi_err err;

#define IS(word) (strcmp(key, word) == 0)
#define TEXT(field, ok) take_text(s, k->field, sizeof(k->field), ok, error)
    if (IS("agent"))
        return TEXT(agent, nhi_name_is_agent);
    if (IS("owner"))
        return TEXT(owner, is_owner);
    if (IS("task"))
        return TEXT(task, nhi_name_is_task);
    if (IS("account"))
        return TEXT(account, nhi_name_is_account);
    if (IS("service"))
        return TEXT(service, nhi_name_is_service);
    if (IS("from"))
        return TEXT(from, is_address);
    if (IS("rule"))
        return TEXT(rule, nhi_name_is_task);
    if (IS("at"))
        return take_at(s, &k->at, error);
    if (IS("lifetime"))
        return nhi_conf_span(s, &k->lifetime, error);
    if (IS("age"))
        return nhi_conf_span(s, &k->age, error);
    if (IS("uses"))
        return nhi_conf_count(s, 1, NHI_USES_MAX, &k->uses, error);
    if (IS("bound")) {
        err = nhi_conf_word(s, bounds, &which, error);
        k->bound = which == 1 ? NHI_BOUND_KEY : which == 2 ? NHI_BOUND_TREE : 0;
        return err;
    }
    if (IS("expect")) {
        err = nhi_conf_word(s, outcomes, &which, error);
        k->permit = which == 0;
        *expect = true;
        return err;
    }
#undef IS
#undef TEXT
    return nhi_conf_bad(error, config_setting_source_line(s),
                        "unknown key '%.40s': expected agent, owner, task, account, service, from, "
                        "at, lifetime, age, uses, bound, expect or rule",
                        key);
}

static enum nhi_err take_case(const config_setting_t *group, struct nhi_policy_case *out, struct nhi_conf_error *error)
{
    struct nhi_policy_case k = { .line = config_setting_source_line(group), .lifetime = 900 };
    enum nhi_err err = NHI_OK;
    bool expect = false;
    int n;

    if (config_setting_type(group) != CONFIG_TYPE_GROUP)
        return nhi_conf_bad(error, k.line, "tests: expected { … } for each");
    n = config_setting_length(group);
    for (int i = 0; i < n && err == NHI_OK; i++)
        err = take_key(config_setting_get_elem(group, (unsigned)i), &k, &expect, error);
    if (err != NHI_OK)
        return err;
    if (k.agent[0] == '\0' || k.task[0] == '\0' || k.account[0] == '\0' || k.service[0] == '\0' || !expect)
        return nhi_conf_bad(error, k.line, "every test names agent, task, account, service and expect");
    *out = k;
    return NHI_OK;
}

static enum nhi_err take_cases(const config_t *parsed, struct nhi_policy_case **cases, size_t *count,
                               struct nhi_conf_error *error)
{
    const config_setting_t *root = config_root_setting(parsed), *tests = config_setting_get_member(root, "tests");
    struct nhi_policy_case *all;
    enum nhi_err err = NHI_OK;
    int n;

    if (tests == NULL || config_setting_type(tests) != CONFIG_TYPE_LIST || config_setting_length(root) != 1 ||
        config_setting_length(tests) == 0)
        return nhi_conf_bad(error, 0, "expected tests = ( {…}, {…} ); and nothing else");
    n = config_setting_length(tests);
    all = calloc((size_t)n, sizeof(*all));
    if (all == NULL)
        return NHI_ERR_NOMEM;
    for (int i = 0; i < n && err == NHI_OK; i++)
        err = take_case(config_setting_get_elem(tests, (unsigned)i), &all[i], error);
    if (err != NHI_OK) {
        free(all);
        return err;
    }
    *cases = all;
    *count = (size_t)n;
    return NHI_OK;
}

enum nhi_err nhi_policy_cases_read(const char *text, size_t len, struct nhi_policy_case **cases, size_t *count,
                                   struct nhi_conf_error *error)
{
    enum nhi_err err;
    config_t parsed;

    err = nhi_conf_parse(text, len, &parsed, error);
    if (err == NHI_OK)
        err = take_cases(&parsed, cases, count, error);
    config_destroy(&parsed);
    return err;
}
