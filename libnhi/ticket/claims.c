/* SPDX-License-Identifier: ISC */
/*
 * The claims of a ticket, between struct and JSON.
 *
 * MUST: called only on bytes whose signature has been verified, or that we wrote ourselves.
 * MUST: an unknown, missing, duplicate or empty claim, a wrong type, nesting, whitespace outside strings, raw bytes
 * beyond printable ASCII and anything before or after the object are refused.
 * MUST: encode and decode apply the same check to claims.
 */
#include "libnhi/ticket/claims.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "libnhi/base/time.h"
#include "libnhi/ticket/sshopt.h"

#define CNF_TEXT NHI_B64_LEN(NHI_PK_LEN)
#define JSON_MAX 2048 /* more than all claims at their longest, names and quotes included */

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

bool nhi_claims_are_formed(const struct nhi_ticket *t)
{
    for (size_t i = 0; i < COUNT(text_claims); i++) {
        const struct text_claim *c = &text_claims[i];
        const char *s = (const char *)t + c->at;

        if (!(c->ok(s) || (!c->required && s[0] == '\0')))
            return false;
    }
    if (t->iat < 0 || t->exp <= t->iat || t->exp > NHI_TIME_MAX)
        return false;
    if (t->nbf < 0 || t->nbf >= t->exp || t->uses > NHI_USES_MAX)
        return false;
    /* Nothing is taken from a session that no key opened: a ticket must not promise that. */
    return (t->ssh & ~NHI_SSHOPT_ALL) == 0 && (t->ssh == 0 || t->has_cnf);
}

/* The one check of all claims, kid aside. */
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

/* Without this, jansson seeds its hash tables by opening /dev/urandom in the host process. */
static void seed_jansson(void)
{
    size_t seed = 0;

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
        json_object_seed(seed);
}

enum nhi_err nhi_claims_decode(const char *json, size_t len, struct nhi_ticket *out)
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
    seed_jansson();
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

struct writer {
    char *text;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct writer *w, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(w->text + w->len, JSON_MAX - w->len, format, args);
    va_end(args);
    if (n > 0)
        w->len += (size_t)n;
}

static void add_text(struct writer *w, const char *name, const char *value)
{
    /* No grammar allows a quote or a backslash, so nothing needs to be escaped. */
    add(w, "%c\"%s\":\"%s\"", w->len == 0 ? '{' : ',', name, value);
}
static void add_time(struct writer *w, const char *name, int64_t t)
{
    char text[NHI_TIME_LEN + 1];

    if (nhi_time_format(t, text) == NHI_OK)
        add_text(w, name, text);
}

enum nhi_err nhi_claims_encode(const struct nhi_ticket *t, char **json)
{
    struct writer w = { NULL, 0 };
    char cnf[CNF_TEXT + 1], ssh[NHI_SSHOPT_TEXT_MAX + 1];

    if (!claims_ok(t))
        return NHI_ERR_FORMAT;
    w.text = malloc(JSON_MAX);
    if (w.text == NULL)
        return NHI_ERR_NOMEM;
    add_text(&w, "jti", t->jti);
    add_text(&w, "sub", t->agent);
    add_text(&w, "task", t->task);
    add_text(&w, "aud", t->host);
    add_text(&w, "acc", t->accounts);
    add_text(&w, "svc", t->services);
    add_time(&w, "iat", t->iat);
    add_time(&w, "exp", t->exp);
    if (t->nbf != 0)
        add_time(&w, "nbf", t->nbf);
    if (t->has_cnf) {
        nhi_b64_encode(t->cnf, sizeof(t->cnf), cnf);
        add_text(&w, "cnf", cnf);
    }
    if (t->uses != 0)
        add(&w, ",\"use\":%u", (unsigned)t->uses);
    if (t->parent[0] != '\0')
        add_text(&w, "par", t->parent);
    nhi_sshopt_format(t->ssh, ' ', ssh);
    if (ssh[0] != '\0')
        add_text(&w, "ssh", ssh);
    add(&w, "}");
    *json = w.text;
    return NHI_OK;
}
