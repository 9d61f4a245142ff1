/* SPDX-License-Identifier: ISC */
/*
 * The claims of a ticket, between struct and JSON.
 *
 * MUST: called only on bytes whose signature has been verified, or that we wrote ourselves.
 * MUST: an unknown, missing, duplicate or empty claim, a wrong type, nesting, whitespace outside strings, raw bytes
 * beyond printable ASCII and anything before or after the object are refused.
 * MUST: read what JSON means, as a library for JSON does: tests/unit/test_claims_judge.c compares.
 * MUST: encode and decode apply the same check to claims.
 */
#include "libnhi/ticket/claims.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- reading ---- */

#define NAME_SIZE 5 /* of the longest claim's name, with the NUL */

/* A position in the payload, and what was read so far. Texts are empty until they were read: no claim may be. */
struct claim_reader {
    const char *at, *end;
    struct nhi_ticket t;
    char times[COUNT(time_claims)][NHI_TIME_LEN + 1];
    char cnf[CNF_TEXT + 1], ssh[NHI_SSHOPT_TEXT_MAX + 1];
};

static bool take(struct claim_reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* What follows a backslash. Another writer may escape any character; one outside of printable ASCII is in no claim. */
static bool take_escape(struct claim_reader *r, char *out)
{
    unsigned c = 0;
    int d;

    if (r->at == r->end)
        return false;
    *out = *r->at++;
    if (*out != 'u')
        return *out == '"' || *out == '\\' || *out == '/';
    for (int i = 0; i < 4; i++) {
        d = r->at < r->end ? digit(*r->at++) : -1;
        if (d < 0)
            return false;
        c = c << 4 | (unsigned)d;
    }
    *out = (char)c;
    return c >= ' ' && c <= '~';
}

/* A string of 1 to size - 1 characters. */
static bool take_string(struct claim_reader *r, char *out, size_t size)
{
    size_t len = 0;
    char c;

    if (!take(r, '"'))
        return false;
    while (r->at < r->end && *r->at != '"') {
        c = *r->at++;
        if (c < ' ' || c > '~' || (c == '\\' && !take_escape(r, &c)) || len + 1 >= size)
            return false;
        out[len++] = c;
    }
    out[len] = '\0';
    return take(r, '"') && len > 0;
}

/* 1 to NHI_USES_MAX, in the one way that JSON has for it. */
static bool take_uses(struct claim_reader *r, uint32_t *out)
{
    uint32_t n = 0;

    if (r->at == r->end || *r->at == '0')
        return false;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && n <= NHI_USES_MAX)
        n = n * 10 + (uint32_t)(*r->at++ - '0');
    *out = n;
    return n >= 1 && n <= NHI_USES_MAX;
}

/* Where the text of that claim goes; NULL: there is no such claim. */
static char *place_of(struct claim_reader *r, const char *name, size_t *size)
{
    for (size_t i = 0; i < COUNT(text_claims); i++)
        if (strcmp(name, text_claims[i].name) == 0) {
            *size = text_claims[i].size;
            return (char *)&r->t + text_claims[i].at;
        }
    *size = sizeof(r->times[0]);
    for (size_t i = 0; i < COUNT(time_claims); i++)
        if (strcmp(name, time_claims[i].name) == 0)
            return r->times[i];
    *size = strcmp(name, "cnf") == 0 ? sizeof(r->cnf) : sizeof(r->ssh);
    return strcmp(name, "cnf") == 0 ? r->cnf : strcmp(name, "ssh") == 0 ? r->ssh : NULL;
}

static bool take_member(struct claim_reader *r)
{
    char name[NAME_SIZE], *text;
    size_t size;

    if (!take_string(r, name, sizeof(name)) || !take(r, ':'))
        return false;
    if (strcmp(name, "use") == 0)
        return r->t.uses == 0 && take_uses(r, &r->t.uses);
    text = place_of(r, name, &size);
    return text != NULL && text[0] == '\0' && take_string(r, text, size);
}

static bool take_object(struct claim_reader *r)
{
    if (!take(r, '{'))
        return false;
    do
        if (!take_member(r))
            return false;
    while (take(r, ','));
    return take(r, '}') && r->at == r->end;
}

static bool read_time(const char *text, const struct time_claim *c, int64_t *t)
{
    if (text[0] == '\0')
        return !c->required;
    /* An optional time of 0 would look like an absent one. */
    return nhi_time_parse(text, t) == NHI_OK && (*t != 0 || c->required);
}

/* What the texts mean. */
static enum nhi_err read_texts(struct claim_reader *r)
{
    struct nhi_ticket *t = &r->t;

    for (size_t i = 0; i < COUNT(time_claims); i++)
        if (!read_time(r->times[i], &time_claims[i], (int64_t *)(void *)((char *)t + time_claims[i].at)))
            return NHI_ERR_FORMAT;
    if (r->ssh[0] != '\0' && !nhi_sshopt_parse_list(r->ssh, &t->ssh))
        return NHI_ERR_FORMAT;
    t->has_cnf = r->cnf[0] != '\0';
    return t->has_cnf ? nhi_b64_decode(r->cnf, strlen(r->cnf), t->cnf, sizeof(t->cnf)) : NHI_OK;
}

enum nhi_err nhi_claims_decode(const char *json, size_t len, struct nhi_ticket *out)
{
    struct claim_reader r = { .at = json, .end = json + len };
    enum nhi_err err;

    if (len > NHI_TICKET_READ_MAX)
        return NHI_ERR_TOO_LONG;
    err = take_object(&r) ? read_texts(&r) : NHI_ERR_FORMAT;
    if (err == NHI_OK && !claims_ok(&r.t))
        err = NHI_ERR_FORMAT;
    if (err == NHI_OK)
        *out = r.t;
    return err;
}

/* ---- writing ---- */

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
