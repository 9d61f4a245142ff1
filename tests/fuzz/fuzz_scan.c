/* SPDX-License-Identifier: ISC */
/*
 * The scanner with any bytes. The result does not depend on how they are cut into pieces; offsets and texts are right;
 * and a ticket that is put among them is found.
 *
 * The first byte is the size of the pieces, the second the place of the ticket, the third how it is cut over lines.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/key/paserk.h"
#include "libnhi/key/sshkey.h"
#include "libnhi/ticket/scan.h"
#include "libnhi/ticket/sshcert.h"
#include "libnhi/ticket/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that does not hold ends the run. */
#define MUST(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

#define HITS_MAX 4096

static uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
static char *ticket;

struct seen {
    size_t size;
    struct {
        enum nhi_scan_kind kind;
        uint64_t offset, line;
        size_t len;
    } hit[HITS_MAX];
    size_t count, tickets;
};

static bool note(const struct nhi_scan_hit *h, void *ctx)
{
    static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/=";
    struct seen *s = ctx;
    uint8_t key[NHI_SK_LEN];
    struct nhi_sshcert cert;
    struct nhi_ticket t;

    MUST(h->offset < s->size && h->line >= 1 && h->line <= s->size + 1);
    MUST(h->len <= NHI_SCAN_TEXT_MAX && strspn(h->text, characters) == h->len);
    if (s->count < HITS_MAX) {
        s->hit[s->count].kind = h->kind;
        s->hit[s->count].offset = h->offset;
        s->hit[s->count].line = h->line;
        s->hit[s->count++].len = h->len;
    }
    if (h->kind == NHI_SCAN_SSH_PRIVATE)
        return nhi_sshkey_of_private(h->text, h->len, key) == NHI_OK;
    if (h->kind == NHI_SCAN_SSH_CERT)
        return nhi_sshcert_decode(h->text, h->len, &cert) == NHI_OK;
    if (h->kind == NHI_SCAN_SECRET)
        return nhi_paserk_secret_decode(h->text, key) == NHI_OK;
    if (h->kind != NHI_SCAN_TICKET || nhi_ticket_verify(h->text, h->len, pk, &t) != NHI_OK)
        return false;
    s->tickets++;
    return true;
}

static void scan(struct seen *to, const uint8_t *stream, size_t size, size_t piece)
{
    struct nhi_scan *s;

    memset(to, 0, sizeof(*to));
    to->size = size;
    MUST(nhi_scan_new(note, to, &s) == NHI_OK);
    for (size_t at = 0; at < size; at += piece)
        nhi_scan_feed(s, stream + at, size - at < piece ? size - at : piece);
    nhi_scan_end(s);
    nhi_scan_free(s);
}

/* The text on both sides is not part of it: it begins and ends with a line. */
static size_t put_ticket(uint8_t *to, unsigned how)
{
    static const char *const breaks[] = { "\n", "\r\n", "=\r\n", "\\n", "\n> ", "\r\n    ", "\\r\\n", "\n# " };
    const char *line = breaks[how % 8];
    size_t width = 1 + how / 8 * 3, n = 0, len = strlen(ticket);

    memcpy(to, "\n\n", 2);
    n = 2;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && i % width == 0) {
            memcpy(to + n, line, strlen(line));
            n += strlen(line);
        }
        to[n++] = (uint8_t)ticket[i];
    }
    memcpy(to + n, "\n\n", 2);
    return n + 2;
}

static void with_ticket(struct seen *to, const uint8_t *data, size_t size, size_t at, unsigned how)
{
    uint8_t *stream = malloc(size + 8192);
    size_t n;

    MUST(stream != NULL);
    memcpy(stream, data, at);
    n = at + put_ticket(stream + at, how);
    memcpy(stream + n, data + at, size - at);
    scan(to, stream, n + size - at, size + 8192);
    MUST(to->tickets >= 1);
    free(stream);
}

static void set_up(void)
{
    struct nhi_ticket t = { .iat = 1800000000, .exp = 1800000900 };

    memcpy(t.kid, "main", 5);
    memcpy(t.jti, "AAECAwQFBgcICQoLDA0ODw", sizeof(t.jti));
    memcpy(t.agent, "a", 2);
    memcpy(t.task, "t", 2);
    memcpy(t.host, "h", 2);
    memcpy(t.accounts, "a", 2);
    memcpy(t.services, "s", 2);
    MUST(nhi_key_generate(pk, sk) == NHI_OK);
    MUST(nhi_ticket_mint(&t, sk, &ticket) == NHI_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct seen whole, pieces;

    if (ticket == NULL)
        set_up();
    if (size < 3)
        return 0;
    scan(&whole, data + 3, size - 3, size);
    scan(&pieces, data + 3, size - 3, 1 + data[0]);
    MUST(whole.count == pieces.count && memcmp(whole.hit, pieces.hit, sizeof(whole.hit[0]) * whole.count) == 0);
    with_ticket(&pieces, data + 3, size - 3, (size - 3) * data[1] / 255, data[2]);
    return 0;
}
