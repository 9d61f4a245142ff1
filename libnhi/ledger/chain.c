/* SPDX-License-Identifier: ISC */
/*
 * MUST: compare exactly what was hashed: a line is split from its two fixed ends, and no part of it is read as JSON.
 */
#include "libnhi/ledger/chain.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/time.h"
#include "libnhi/key/paserk.h"

#define PREV ",\"prev\":\""
#define HASH "\",\"hash\":\""
#define END "\"}"
#define SEQ "{\"seq\":"
#define TAIL_LEN (sizeof(PREV) - 1 + NHI_DIGEST_LEN + sizeof(HASH) - 1 + NHI_DIGEST_LEN + sizeof(END) - 1)

const char *nhi_link_name(enum nhi_link l)
{
    switch (l) {
    case NHI_LINK_GOOD:
        return "good";
    case NHI_LINK_UNREADABLE:
        return "unreadable";
    case NHI_LINK_MISSING:
        return "missing";
    case NHI_LINK_REPEATED:
        return "repeated";
    case NHI_LINK_EDITED:
        return "edited";
    case NHI_LINK_BROKEN:
        return "broken";
    }
    return "unreadable";
}

struct event_line {
    int64_t seq;
    const char *prev, *hash; /* NHI_DIGEST_LEN characters each */
    size_t hashed;           /* bytes before the member "hash" */
};

static bool is_digest(const char *text)
{
    return strspn(text, "0123456789abcdef") >= NHI_DIGEST_LEN;
}

/* The line ends with a NUL or a newline. */
static bool parse_event_line(const char *line, size_t len, struct event_line *p)
{
    const char *tail;
    size_t i;

    if (len < sizeof(SEQ) - 1 + 2 + TAIL_LEN || memcmp(line, SEQ, sizeof(SEQ) - 1) != 0)
        return false;
    tail = line + len - TAIL_LEN;
    p->prev = tail + sizeof(PREV) - 1;
    p->hash = p->prev + NHI_DIGEST_LEN + sizeof(HASH) - 1;
    p->hashed = (size_t)(p->prev + NHI_DIGEST_LEN + 1 - line);
    if (memcmp(tail, PREV, sizeof(PREV) - 1) != 0 || !is_digest(p->prev) ||
        memcmp(p->prev + NHI_DIGEST_LEN, HASH, sizeof(HASH) - 1) != 0 || !is_digest(p->hash) ||
        memcmp(p->hash + NHI_DIGEST_LEN, END, sizeof(END) - 1) != 0)
        return false;
    p->seq = 0;
    for (i = sizeof(SEQ) - 1; line[i] >= '0' && line[i] <= '9'; i++) {
        if (p->seq > (INT64_MAX - 9) / 10)
            return false;
        p->seq = p->seq * 10 + (line[i] - '0');
    }
    return line[i] == ',' && p->seq > 0 && line[sizeof(SEQ) - 1] != '0';
}

/* Checks the hash of the line itself, which is over its text up to the member "hash" and a closing brace. */
static bool is_whole(const char *line, const struct event_line *p)
{
    char is[NHI_DIGEST_LEN + 1];
    struct nhi_hash256 h;

    nhi_hash256_start(&h);
    nhi_hash256_add(&h, line, p->hashed);
    nhi_hash256_add(&h, "}", 1);
    nhi_hash256_end(&h, is);
    return memcmp(is, p->hash, NHI_DIGEST_LEN) == 0;
}

bool nhi_chain_peek(const char *line, size_t len, struct nhi_chain *before)
{
    struct event_line p;

    if (!parse_event_line(line, len, &p))
        return false;
    before->seq = p.seq - 1;
    memcpy(before->hash, p.prev, NHI_DIGEST_LEN);
    before->hash[NHI_DIGEST_LEN] = '\0';
    return true;
}

enum nhi_link nhi_chain_add(struct nhi_chain *c, const char *line, size_t len, int64_t *seq)
{
    struct event_line p;

    *seq = c->seq + 1;
    if (!parse_event_line(line, len, &p))
        return NHI_LINK_UNREADABLE;
    *seq = p.seq;
    if (p.seq <= c->seq)
        return NHI_LINK_REPEATED;
    if (!is_whole(line, &p))
        return NHI_LINK_EDITED;
    if (p.seq > c->seq + 1)
        return NHI_LINK_MISSING;
    if (memcmp(p.prev, c->hash, NHI_DIGEST_LEN) != 0)
        return NHI_LINK_BROKEN;
    c->seq = p.seq;
    memcpy(c->hash, p.hash, NHI_DIGEST_LEN);
    c->hash[NHI_DIGEST_LEN] = '\0';
    return NHI_LINK_GOOD;
}

/* ---- heads ---- */

#define ASSERTION "nhi-head-v1"

static enum nhi_err footer_of(const uint8_t pk[NHI_PK_LEN], char *out, size_t size)
{
    char pid[NHI_PASERK_MAX];
    enum nhi_err err = nhi_paserk_pid(pk, pid);

    if (err == NHI_OK)
        snprintf(out, size, "{\"kid\":\"%s\"}", pid);
    return err;
}

enum nhi_err nhi_head_sign(const uint8_t sk[NHI_SK_LEN], const struct nhi_signed_head *h, char **token)
{
    char payload[512], footer[NHI_PASERK_MAX + 16], at[NHI_TIME_LEN + 1];
    enum nhi_err err;

    err = nhi_time_format(h->at, at);
    if (err == NHI_OK)
        err = footer_of(sk + NHI_SK_LEN - NHI_PK_LEN, footer, sizeof(footer));
    if (err != NHI_OK)
        return err;
    snprintf(payload, sizeof(payload), "{\"host\":\"%s\",\"seq\":%lld,\"hash\":\"%s\",\"at\":\"%s\"}", h->host,
             (long long)h->seq, h->hash, at);
    return nhi_paseto_sign(sk, nhi_piece(payload, strlen(payload)), nhi_piece(footer, strlen(footer)),
                           nhi_piece(ASSERTION, strlen(ASSERTION)), token);
}

enum nhi_err nhi_head_verify(const uint8_t pk[NHI_PK_LEN], const char *token, size_t len, struct nhi_signed_head *out)
{
    struct nhi_signed_head h = { .seq = 0 };
    struct nhi_bytes msg = { .data = NULL };
    char at[NHI_TIME_LEN + 1];
    long long seq = 0;
    enum nhi_err err;
    int end = 0;

    err = nhi_paseto_verify(pk, token, len, nhi_piece(ASSERTION, strlen(ASSERTION)), &msg);
    if (err != NHI_OK)
        return err;
    if (sscanf((const char *)msg.data,
               "{\"host\":\"%253[a-z0-9.-]\",\"seq\":%18lld,\"hash\":\"%64[0-9a-f]\",\"at\":\"%20[^\"]\"}%n", h.host,
               &seq, h.hash, at, &end) != 4 ||
        (size_t)end != msg.len || strlen(h.hash) != NHI_DIGEST_LEN || seq < 0 || nhi_time_parse(at, &h.at) != NHI_OK)
        err = NHI_ERR_FORMAT;
    nhi_bytes_free(&msg);
    h.seq = seq;
    if (err == NHI_OK)
        *out = h;
    return err;
}
