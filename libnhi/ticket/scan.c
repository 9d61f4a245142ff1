/* SPDX-License-Identifier: ISC */
/*
 * MUST: read no byte outside of the window, whatever its content. MUST: look no further ahead than NHI_SCAN_SPAN, so
 * that the result does not depend on how the stream was cut into pieces. MUST: the window and every text, which may
 * hold secrets, are wiped.
 */
#include "libnhi/ticket/scan.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/key/paserk.h"
#include "libnhi/ticket/scan_text.h"
#include "libnhi/ticket/sshcert.h"
#include "libnhi/ticket/ticket.h"

#define WINDOW (8 * NHI_SCAN_SPAN)
#define SIGNATURE_TEXT 86 /* characters of an Ed25519 signature; a token has more */
#define FOOTER_TEXT_MAX 35
#define WRAPPED_LEN 152  /* salt 16, memory 8, passes 4, lanes 4, nonce 24, key 64, tag 32 */
#define PRIVATE_TEXT 400 /* more than the text up to the end of the public half */

#define TICKET "v4.public."
#define SECRET "k4.secret."
#define WRAPPED "k4.secret-pw."
#define PRIVATE "-----BEGIN OPENSSH PRIVATE KEY-----"

struct nhi_scan {
    nhi_scan_fn *fn;
    void *ctx;
    uint64_t before; /* bytes of the stream that have left the window */
    uint64_t line;
    size_t at, have;
    char text[NHI_SCAN_TEXT_MAX + 4 + 1], last[NHI_SCAN_TEXT_MAX + 4 + 1];
    uint8_t window[WINDOW];
};

/* Reads a candidate's text after its prefix. false: it is not one. */
typedef bool read_fn(struct nhi_scan *s, struct nhi_scan_cursor *c, struct nhi_scan_hit *hit);

/* ---- the kinds ---- */

/* A ticket ends with its footer, whose form shows where it ends, and which names the key. */
static bool read_ticket(struct nhi_scan *s, struct nhi_scan_cursor *c, struct nhi_scan_hit *hit)
{
    size_t head = strlen(TICKET), body, footer, n;
    struct nhi_scan_cursor start;
    char kid[NHI_KID_MAX + 1];

    memcpy(s->text, TICKET, head);
    body = nhi_scan_take(c, NHI_SCAN_BASE64URL, NHI_TICKET_READ_MAX - head, s->text + head);
    hit->kind = NHI_SCAN_PASETO;
    if (body < SIGNATURE_TEXT || !nhi_scan_literal(c, "."))
        return body >= SIGNATURE_TEXT;
    s->text[head + body] = '.';
    start = *c;
    footer = nhi_scan_take(c, NHI_SCAN_BASE64URL, FOOTER_TEXT_MAX, s->text + head + body + 1);
    for (n = 1; n <= footer; n++)
        if (nhi_ticket_kid(s->text, head + body + 1 + n, kid) == NHI_OK) {
            *c = start;
            (void)nhi_scan_take(c, NHI_SCAN_BASE64URL, n, s->text + head + body + 1);
            hit->kind = NHI_SCAN_TICKET;
            hit->len = head + body + 1 + n;
            break;
        }
    return true;
}

static bool read_secret(struct nhi_scan *s, struct nhi_scan_cursor *c, struct nhi_scan_hit *hit)
{
    size_t head = strlen(SECRET), len = NHI_B64_LEN(NHI_SK_LEN);

    memcpy(s->text, SECRET, head);
    hit->kind = NHI_SCAN_SECRET;
    hit->len = head + len;
    return nhi_scan_take(c, NHI_SCAN_BASE64URL, len, s->text + head) == len;
}

static bool read_wrapped(struct nhi_scan *s, struct nhi_scan_cursor *c, struct nhi_scan_hit *hit)
{
    size_t len = NHI_B64_LEN(WRAPPED_LEN);

    hit->kind = NHI_SCAN_WRAPPED;
    return nhi_scan_take(c, NHI_SCAN_BASE64URL, len, s->text) == len;
}

static bool read_private(struct nhi_scan *s, struct nhi_scan_cursor *c, struct nhi_scan_hit *hit)
{
    hit->kind = NHI_SCAN_SSH_PRIVATE;
    hit->len = nhi_scan_take(c, NHI_SCAN_BASE64, PRIVATE_TEXT, s->text);
    return hit->len > NHI_B64_LEN(NHI_PK_LEN);
}

static bool read_cert(struct nhi_scan *s, struct nhi_scan_cursor *c, struct nhi_scan_hit *hit)
{
    if (!nhi_scan_blanks(c))
        return false;
    hit->kind = NHI_SCAN_SSH_CERT;
    hit->len = nhi_scan_take(c, NHI_SCAN_BASE64, NHI_SSHCERT_MAX, s->text);
    /* The padding is not part of the text that was taken, since "=" may also end a line. */
    for (; hit->len % 4 != 0 && hit->len > 0; hit->len++)
        s->text[hit->len] = '=';
    return hit->len > NHI_B64_LEN(NHI_PK_LEN);
}

static const struct {
    const char *prefix;
    read_fn *read;
} kinds[] = { { TICKET, read_ticket },
              { SECRET, read_secret },
              { WRAPPED, read_wrapped },
              { PRIVATE, read_private },
              { NHI_SSHCERT_TYPE, read_cert } };

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- one position ---- */

static bool report(struct nhi_scan *s, struct nhi_scan_hit *hit, enum nhi_scan_kind kind)
{
    bool empty = kind == NHI_SCAN_PASETO || kind == NHI_SCAN_WRAPPED;

    hit->kind = kind;
    hit->text = empty ? "" : s->text;
    hit->len = empty ? 0 : hit->len;
    s->text[hit->len] = '\0';
    return s->fn(hit, s->ctx);
}

/* Tries the position in each way in which the text may have been cut over lines, the likeliest first. Returns how many
 * bytes are done. */
static size_t try_kind(struct nhi_scan *s, size_t kind, size_t ahead)
{
    struct nhi_scan_hit hit = { .offset = s->before + s->at, .line = s->line };
    const uint8_t *from = s->window + s->at;
    bool taken = false, more = true;
    size_t last = 0;
    int seen = 0;

    for (int way = NHI_SCAN_WHOLE; way <= NHI_SCAN_SIGNED && more && !taken; way++) {
        struct nhi_scan_cursor c = { .at = from, .end = from + ahead, .way = way };

        hit.len = 0;
        if (nhi_scan_literal(&c, kinds[kind].prefix) && kinds[kind].read(s, &c, &hit)) {
            seen = (int)hit.kind;
            if (hit.len > 0 && (hit.len != last || memcmp(s->text, s->last, last) != 0)) {
                last = hit.len;
                memcpy(s->last, s->text, last);
                taken = report(s, &hit, hit.kind);
            }
        }
        more = c.cut;
        if (taken)
            return (size_t)(c.at - from);
    }
    if (seen == NHI_SCAN_TICKET || seen == NHI_SCAN_PASETO)
        (void)report(s, &hit, NHI_SCAN_PASETO);
    else if (seen == NHI_SCAN_WRAPPED)
        (void)report(s, &hit, NHI_SCAN_WRAPPED);
    return 1;
}

/* What may follow the first character of a prefix: the second one, or something that may come between the two. */
static bool goes_on(uint8_t b, char second)
{
    return b == (uint8_t)second || b == '\0' || b == '\r' || b == '\n' || b == '=' || b == '\\';
}

static size_t try_place(struct nhi_scan *s)
{
    size_t ahead = s->have - s->at, done;

    if (ahead > NHI_SCAN_SPAN)
        ahead = NHI_SCAN_SPAN;
    for (size_t k = 0; k < KINDS; k++) {
        const char *prefix = kinds[k].prefix;

        if (s->window[s->at] != (uint8_t)prefix[0] || ahead < strlen(prefix) ||
            !goes_on(s->window[s->at + 1], prefix[1]))
            continue;
        done = try_kind(s, k, ahead);
        if (done > 1)
            return done;
    }
    return 1;
}

/* ---- the stream ---- */

static bool is_first(uint8_t b)
{
    return b == 'v' || b == 'k' || b == '-' || b == 's';
}

/* Advances to the first position where a candidate may not be complete in the window. */
static void search(struct nhi_scan *s, bool ends)
{
    size_t limit = ends ? s->have : s->have > NHI_SCAN_SPAN ? s->have - NHI_SCAN_SPAN : 0;

    while (s->at < limit) {
        size_t done = is_first(s->window[s->at]) ? try_place(s) : 1;

        for (; done > 0; done--)
            s->line += s->window[s->at++] == '\n';
    }
}

static void make_room(struct nhi_scan *s)
{
    memmove(s->window, s->window + s->at, s->have - s->at);
    s->before += s->at;
    s->have -= s->at;
    s->at = 0;
}

static void rewind_it(struct nhi_scan *s)
{
    s->before = 0;
    s->at = 0;
    s->have = 0;
    s->line = 1;
}

enum nhi_err nhi_scan_new(nhi_scan_fn *fn, void *ctx, struct nhi_scan **out)
{
    struct nhi_scan *s = malloc(sizeof(*s));

    if (s == NULL)
        return NHI_ERR_NOMEM;
    s->fn = fn;
    s->ctx = ctx;
    rewind_it(s);
    *out = s;
    return NHI_OK;
}

void nhi_scan_feed(struct nhi_scan *s, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;

    while (len > 0) {
        size_t n = WINDOW - s->have < len ? WINDOW - s->have : len;

        memcpy(s->window + s->have, from, n);
        s->have += n;
        from += n;
        len -= n;
        if (s->have == WINDOW) {
            search(s, false);
            make_room(s);
        }
    }
}

void nhi_scan_end(struct nhi_scan *s)
{
    search(s, true);
    rewind_it(s);
}

void nhi_scan_free(struct nhi_scan *s)
{
    nhi_wipe(s, sizeof(*s));
    free(s);
}
