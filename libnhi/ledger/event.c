/* SPDX-License-Identifier: ISC */
/*
 * The line of an event, which its hash covers.
 *
 * MUST: the same event makes the same line in every release, or a sound chain can no longer be verified.
 * MUST: whatever an event has in it, the line is one line of harmless ASCII.
 */
#include "libnhi/ledger/event.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/time.h"

/* In the order of the line. A new member is added before detail; members are never renamed or moved. */
static const struct {
    const char *name;
    size_t at;
} members[] = {
    { "kind", offsetof(struct nhi_event, kind) },       { "host", offsetof(struct nhi_event, host) },
    { "agent", offsetof(struct nhi_event, agent) },     { "owner", offsetof(struct nhi_event, owner) },
    { "task", offsetof(struct nhi_event, task) },       { "ticket", offsetof(struct nhi_event, jti) },
    { "issuer", offsetof(struct nhi_event, kid) },      { "account", offsetof(struct nhi_event, account) },
    { "service", offsetof(struct nhi_event, service) }, { "source", offsetof(struct nhi_event, source) },
    { "from", offsetof(struct nhi_event, from) },       { "decision", offsetof(struct nhi_event, decision) },
    { "reason", offsetof(struct nhi_event, reason) },   { "rule", offsetof(struct nhi_event, rule) },
    { "policy", offsetof(struct nhi_event, policy) },   { "proof", offsetof(struct nhi_event, proof) },
    { "record", offsetof(struct nhi_event, record) },   { "within", offsetof(struct nhi_event, within) },
    { "session", offsetof(struct nhi_event, session) }, { "cause", offsetof(struct nhi_event, cause) },
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))
#define MEMBER_ROOM 16 /* bytes of ,"NAME":"", the name included */
#define FIXED_ROOM 320 /* seq, at, detail's name, prev, hash and the braces */

static char *put_unit(char *out, uint32_t unit)
{
    snprintf(out, 7, "\\u%04x", (unsigned)(unit & 0xffff));
    return out + 6;
}

/* Writes ASCII. json: the text is JSON already, and keeps its quotes and backslashes. */
static char *put_ascii(char *out, const char *text, int json)
{
    size_t len;
    uint32_t c;

    for (; *text != '\0'; text += len) {
        len = nhi_text_next(text, &c);
        if (len == 0) {
            len = 1;
            c = 0xfffd;
        }
        if (c >= 0x10000) {
            out = put_unit(out, 0xd800 + ((c - 0x10000) >> 10));
            out = put_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
        } else if (c < 0x20 || c >= 0x7f) {
            out = put_unit(out, c);
        } else {
            if (!json && (c == '"' || c == '\\'))
                *out++ = '\\';
            *out++ = (char)c;
        }
    }
    *out = '\0';
    return out;
}

void nhi_text_quote(const char *text, char *out)
{
    (void)put_ascii(out, text, 0);
}

static const char *member(const struct nhi_event *e, size_t i)
{
    return (const char *)e + members[i].at;
}

const char *nhi_event_member(const struct nhi_event *e, size_t i, const char **value)
{
    if (i >= MEMBERS)
        return NULL;
    *value = member(e, i);
    return members[i].name;
}

static size_t room_for(const struct nhi_event *e)
{
    size_t room = FIXED_ROOM;

    for (size_t i = 0; i < MEMBERS; i++)
        room += MEMBER_ROOM + NHI_QUOTED_MAX(strlen(member(e, i)));
    return e->detail != NULL ? room + NHI_QUOTED_MAX(strlen(e->detail)) : room;
}

static char *put_member(char *out, const char *name, const char *value)
{
    out = stpcpy(stpcpy(stpcpy(out, ",\""), name), "\":\"");
    return stpcpy(put_ascii(out, value, 0), "\"");
}

static char *put_number(char *out, int64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)n);
    return stpcpy(out, text);
}

/* Everything but the hash and the closing brace. */
static char *put_body(char *out, const struct nhi_event *e)
{
    char at[NHI_TIME_LEN + 1];

    out = put_number(stpcpy(out, "{\"seq\":"), e->seq);
    if (nhi_time_format(e->at, at) == NHI_OK)
        out = put_member(out, "at", at);
    else
        out = put_number(stpcpy(out, ",\"at\":"), e->at);
    for (size_t i = 0; i < MEMBERS; i++)
        if (member(e, i)[0] != '\0')
            out = put_member(out, members[i].name, member(e, i));
    if (e->detail != NULL && strcmp(e->detail, "{}") != 0)
        out = put_ascii(stpcpy(out, ",\"detail\":"), e->detail, 1);
    return put_member(out, "prev", e->prev);
}

char *nhi_event_line(const struct nhi_event *e)
{
    char *line = malloc(room_for(e));

    if (line != NULL)
        (void)stpcpy(put_member(put_body(line, e), "hash", e->hash), "}");
    return line;
}

enum nhi_err nhi_event_hash(const struct nhi_event *e, char hash[NHI_DIGEST_LEN + 1])
{
    char *line = malloc(room_for(e)), *end;
    struct nhi_hash256 h;

    if (line == NULL)
        return NHI_ERR_NOMEM;
    end = stpcpy(put_body(line, e), "}");
    nhi_hash256_start(&h);
    nhi_hash256_add(&h, line, (size_t)(end - line));
    nhi_hash256_end(&h, hash);
    free(line);
    return NHI_OK;
}
