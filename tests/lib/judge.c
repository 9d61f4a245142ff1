/* SPDX-License-Identifier: ISC */
#include "tests/lib/judge.h"

#include <jansson.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/ticket/claims.h"
#include "libnhi/ticket/sshopt.h"

#define CNF_TEXT NHI_B64_LEN(NHI_PK_LEN)

static bool is_account_list(const char *s)
{
    return nhi_list_is_valid(s, nhi_name_is_account);
}

static bool is_service_list(const char *s)
{
    return nhi_list_is_valid(s, nhi_name_is_service);
}

struct text_claim {
    const char *name;
    size_t at, size;
    bool (*ok)(const char *);
    bool required;
};

#define IN(field) offsetof(struct nhi_ticket, field), sizeof(((struct nhi_ticket *)0)->field)

static const struct text_claim text_claims[] = {
    { "jti", IN(jti), nhi_name_is_jti, true },      { "sub", IN(agent), nhi_name_is_agent, true },
    { "task", IN(task), nhi_name_is_task, true },   { "aud", IN(host), nhi_name_is_host, true },
    { "acc", IN(accounts), is_account_list, true }, { "svc", IN(services), is_service_list, true },
    { "par", IN(parent), nhi_name_is_jti, false },
};

struct time_claim {
    const char *name;
    size_t at;
    bool required;
};

static const struct time_claim time_claims[] = {
    { "iat", offsetof(struct nhi_ticket, iat), true },
    { "exp", offsetof(struct nhi_ticket, exp), true },
    { "nbf", offsetof(struct nhi_ticket, nbf), false },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The grammar of each claim is the library's own. */
static bool claims_ok(const struct nhi_ticket *t)
{
    return nhi_claims_are_formed(t) && (!t->has_cnf || nhi_pk_is_usable(t->cnf));
}

/* Whether json is one object of strings and scalars on one line, without whitespace between its tokens. Done before the
 * parser runs: this limits the parser's recursion to one level, and gives a payload one layout, so that nobody can hide
 * bytes in it. */
static bool is_flat(const char *json, size_t len)
{
    bool in_string = false, escaped = false;

    if (len == 0 || json[0] != '{' || json[len - 1] != '}')
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = json[i];

        if (c < ' ' || c > '~')
            return false;
        if (escaped)
            escaped = false;
        else if (in_string && c == '\\')
            escaped = true;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == ' ' || c == '[' || (c == '{' && i > 0) || (c == '}' && i < len - 1)))
            return false;
    }
    return !in_string;
}

/* Reads a string claim into text, and counts it in *seen. A claim that is absent or wrong leaves both unchanged: a
 * member that was not counted is refused in the end. */
static void get_text(const json_t *obj, const char *name, char *text, size_t size, size_t *seen)
{
    const json_t *v = json_object_get(obj, name);
    size_t len = json_string_length(v);

    if (len == 0 || len >= size || memchr(json_string_value(v), '\0', len) != NULL)
        return;
    memcpy(text, json_string_value(v), len);
    text[len] = '\0';
    ++*seen;
}

static enum nhi_err get_time(const json_t *obj, const struct time_claim *c, int64_t *t, size_t *seen)
{
    char text[NHI_TIME_LEN + 1] = "";
    enum nhi_err err;

    get_text(obj, c->name, text, sizeof(text), seen);
    if (text[0] == '\0')
        return c->required ? NHI_ERR_FORMAT : NHI_OK;
    err = nhi_time_parse(text, t);
    /* An optional time of 0 would look like an absent one. */
    return *t == 0 && !c->required ? NHI_ERR_FORMAT : err;
}

static enum nhi_err get_cnf(const json_t *obj, struct nhi_ticket *t, size_t *seen)
{
    char text[CNF_TEXT + 1] = "";

    get_text(obj, "cnf", text, sizeof(text), seen);
    if (text[0] == '\0')
        return NHI_OK;
    t->has_cnf = true;
    return nhi_b64_decode(text, strlen(text), t->cnf, sizeof(t->cnf));
}

/* As get_text does it. */
static void get_use(const json_t *obj, struct nhi_ticket *t, size_t *seen)
{
    json_int_t n = json_integer_value(json_object_get(obj, "use"));

    if (n < 1 || n > NHI_USES_MAX)
        return;
    t->uses = (uint32_t)n;
    ++*seen;
}

static enum nhi_err get_ssh(const json_t *obj, struct nhi_ticket *t, size_t *seen)
{
    char text[NHI_SSHOPT_TEXT_MAX + 1] = "";

    get_text(obj, "ssh", text, sizeof(text), seen);
    return text[0] == '\0' || nhi_sshopt_parse_list(text, &t->ssh) ? NHI_OK : NHI_ERR_FORMAT;
}

static enum nhi_err get_all(const json_t *obj, struct nhi_ticket *t)
{
    enum nhi_err err = NHI_OK;
    size_t seen = 0;

    for (size_t i = 0; i < COUNT(text_claims); i++)
        get_text(obj, text_claims[i].name, (char *)t + text_claims[i].at, text_claims[i].size, &seen);
    get_use(obj, t, &seen);
    for (size_t i = 0; err == NHI_OK && i < COUNT(time_claims); i++)
        err = get_time(obj, &time_claims[i], (int64_t *)(void *)((char *)t + time_claims[i].at), &seen);
    if (err == NHI_OK)
        err = get_cnf(obj, t, &seen);
    if (err == NHI_OK)
        err = get_ssh(obj, t, &seen);
    if (err == NHI_OK && (json_object_size(obj) != seen || !claims_ok(t)))
        err = NHI_ERR_FORMAT;
    return err;
}

enum nhi_err judge_claims(const char *json, size_t len, struct nhi_ticket *out)
{
    enum nhi_err err = NHI_ERR_TOO_LONG;
    struct nhi_ticket t = { .jti = "" };
    json_t *obj = NULL;
    json_error_t why;

    if (len > NHI_TICKET_READ_MAX)
        goto out;
    err = NHI_ERR_FORMAT;
    if (!is_flat(json, len))
        goto out;
    obj = json_loadb(json, len, JSON_REJECT_DUPLICATES, &why);
    /* jansson reports some failed allocations without a text, and some as bad syntax. */
    if (obj == NULL && why.text[0] == '\0')
        err = NHI_ERR_NOMEM;
    if (obj == NULL)
        goto out;
    err = get_all(obj, &t);
    if (err == NHI_OK)
        *out = t;
out:
    json_decref(obj);
    return err;
}
