/* SPDX-License-Identifier: ISC */
/*
 * MUST: each record has one form only, so that a reader can refuse any other byte. MUST: allocate nothing.
 */
#include "libnhi/grant/record_bytes.h"

#include <endian.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/policy/reason.h"
#include "libnhi/ticket/claims.h"

#define VERSION 2

static const char magic[4] = { 'n', 'h', 'i', 'r' };

enum { AT_VERSION = 4, AT_LENGTH = 6, HEAD = 8 }; /* after the magic number: version, and length of the whole record */
enum { SUM = 8 };                                 /* the last bytes: the sum of all before them */

enum { HANDED_OFF = 1, OBSERVED = 2, BECAME = 4, HAS_CNF = 8, FLAGS = 15 };

struct member {
    size_t at, size;
};

#define IN(m) offsetof(struct nhi_grant, m), sizeof(((struct nhi_grant *)0)->m)

/* Numbers of 64 bits, none of which is negative or above INT64_MAX. */
static const struct member numbers[] = {
    { IN(at) }, { IN(up) },         { IN(self.start) }, { IN(parent.start) },
    { IN(ns) }, { IN(ticket.iat) }, { IN(ticket.nbf) }, { IN(ticket.exp) },
};

static const struct member texts[] = {
    { IN(id) },          { IN(service) },         { IN(subject) },         { IN(boot) },
    { IN(rule) },        { IN(policy) },          { IN(rhost) },           { IN(place) },
    { IN(root) },        { IN(renews) },          { IN(owner) },           { IN(within) },
    { IN(ticket.kid) },  { IN(ticket.jti) },      { IN(ticket.agent) },    { IN(ticket.task) },
    { IN(ticket.host) }, { IN(ticket.accounts) }, { IN(ticket.services) }, { IN(ticket.parent) },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A text has one byte for its length. */
_Static_assert(NHI_LIST_MAX <= 255 && NHI_HOST_MAX <= 255 && NHI_OWNER_MAX <= 255, "a text does not fit");
_Static_assert(sizeof(struct nhi_grant) + 512 <= NHI_RECORD_MAX, "a record does not fit");

uint64_t nhi_record_sum(const void *bytes, size_t len)
{
    const unsigned char *b = bytes;
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < len; i++)
        h = (h ^ b[i]) * UINT64_C(1099511628211);
    return h;
}

/* ---- what both refuse ---- */

static bool is_utf8(const char *s)
{
    uint32_t c;
    size_t n;

    for (; *s != '\0'; s += n)
        if ((n = nhi_text_next(s, &c)) == 0)
            return false;
    return true;
}

static bool has_no_ticket(const struct nhi_grant *g)
{
    const struct nhi_ticket *t = &g->ticket;

    for (size_t i = 0; i < COUNT(texts); i++)
        if (texts[i].at >= offsetof(struct nhi_grant, ticket) && *((const char *)g + texts[i].at) != '\0')
            return false;
    return t->iat == 0 && t->nbf == 0 && t->exp == 0 && t->uses == 0 && t->ssh == 0 && !t->has_cnf;
}

/* Only a record without a decision may be without a ticket. */
static bool ticket_is_valid(const struct nhi_grant *g)
{
    if (g->ticket.jti[0] == '\0')
        return (g->observed || g->became) && has_no_ticket(g);
    return nhi_name_is_kid(g->ticket.kid) && nhi_claims_are_formed(&g->ticket);
}

static bool is_valid(const struct nhi_grant *g)
{
    for (size_t i = 0; i < COUNT(texts); i++)
        if (!is_utf8((const char *)g + texts[i].at))
            return false;
    return nhi_name_is_jti(g->id) && g->reason < NHI_REASON_COUNT && g->source >= NHI_FROM_PROMPT &&
           g->source <= NHI_FROM_KEY && g->at >= 0 && g->at <= NHI_TIME_MAX && g->up >= 0 && g->ms <= 999 &&
           g->pin <= NHI_PIN_LOCAL && g->self.pid > 0 && g->parent.pid >= 0 && g->self.start <= INT64_MAX &&
           g->parent.start <= INT64_MAX && g->ns <= INT64_MAX && ticket_is_valid(g);
}

/* ---- writing ---- */

struct writer {
    uint8_t *at;
};

static void put(struct writer *w, const void *bytes, size_t len)
{
    memcpy(w->at, bytes, len);
    w->at += len;
}

static void put_byte(struct writer *w, unsigned n)
{
    *w->at++ = (uint8_t)n;
}

static void put_short(struct writer *w, uint16_t n)
{
    n = htole16(n);
    put(w, &n, sizeof(n));
}

static void put_word(struct writer *w, uint32_t n)
{
    n = htole32(n);
    put(w, &n, sizeof(n));
}

static void put_text(struct writer *w, const char *text)
{
    size_t len = strlen(text);

    put_byte(w, (unsigned)len);
    put(w, text, len);
}

static void put_number(struct writer *w, const struct nhi_grant *g, const struct member *m)
{
    uint64_t n;

    memcpy(&n, (const char *)g + m->at, sizeof(n));
    n = htole64(n);
    put(w, &n, sizeof(n));
}

static unsigned flags_of(const struct nhi_grant *g)
{
    return (g->handed_off ? HANDED_OFF : 0U) | (g->observed ? OBSERVED : 0U) | (g->became ? BECAME : 0U) |
           (g->ticket.has_cnf ? HAS_CNF : 0U);
}

enum nhi_err nhi_record_encode(const struct nhi_grant *g, uint8_t *bytes, size_t *len)
{
    struct writer w = { bytes }, length = { bytes + AT_LENGTH };
    uint64_t sum;

    if (!is_valid(g))
        return NHI_ERR_FORMAT;
    put(&w, magic, sizeof(magic));
    put_short(&w, VERSION);
    w.at = bytes + HEAD;
    for (size_t i = 0; i < COUNT(numbers); i++)
        put_number(&w, g, &numbers[i]);
    put_word(&w, (uint32_t)g->self.pid);
    put_word(&w, (uint32_t)g->parent.pid);
    put_word(&w, g->ticket.uses);
    put_word(&w, g->ticket.ssh);
    put_short(&w, g->ms);
    put_byte(&w, g->pin);
    put_byte(&w, flags_of(g));
    if (g->ticket.has_cnf)
        put(&w, g->ticket.cnf, sizeof(g->ticket.cnf));
    put_text(&w, nhi_reason_name(g->reason));
    put_text(&w, nhi_source_name(g->source));
    for (size_t i = 0; i < COUNT(texts); i++)
        put_text(&w, (const char *)g + texts[i].at);
    put_short(&length, (uint16_t)(w.at - bytes + SUM));
    sum = htole64(nhi_record_sum(bytes, (size_t)(w.at - bytes)));
    put(&w, &sum, sizeof(sum));
    *len = (size_t)(w.at - bytes);
    return NHI_OK;
}

/* ---- reading ---- */

struct reader {
    const uint8_t *at;
    size_t left;
    bool failed; /* it ended too early, or something in it is wrong */
};

static void get(struct reader *r, void *out, size_t len)
{
    if (r->failed || len > r->left) {
        r->failed = true;
        memset(out, 0, len);
        return;
    }
    memcpy(out, r->at, len);
    r->at += len;
    r->left -= len;
}

static uint8_t get_byte(struct reader *r)
{
    uint8_t n;

    get(r, &n, sizeof(n));
    return n;
}

static uint16_t get_short(struct reader *r)
{
    uint16_t n;

    get(r, &n, sizeof(n));
    return le16toh(n);
}

static uint32_t get_word(struct reader *r)
{
    uint32_t n;

    get(r, &n, sizeof(n));
    return le32toh(n);
}

static void get_number(struct reader *r, struct nhi_grant *g, const struct member *m)
{
    uint64_t n;

    get(r, &n, sizeof(n));
    n = le64toh(n);
    memcpy((char *)g + m->at, &n, sizeof(n));
}

/* out: size bytes, which are zeros. */
static void get_text(struct reader *r, char *out, size_t size)
{
    size_t len = get_byte(r);

    if (len >= size || len > r->left || memchr(r->at, '\0', len) != NULL)
        r->failed = true;
    else
        get(r, out, len);
}

static pid_t get_pid(struct reader *r)
{
    uint32_t n = get_word(r);

    r->failed = r->failed || n > INT32_MAX;
    return r->failed ? 0 : (pid_t)n;
}

static void get_names(struct reader *r, struct nhi_grant *g)
{
    char reason[64] = "", source[64] = "";

    get_text(r, reason, sizeof(reason));
    get_text(r, source, sizeof(source));
    r->failed = r->failed || !nhi_reason_find(reason, &g->reason) || !nhi_source_find(source, &g->source);
}

static void get_flags(struct reader *r, struct nhi_grant *g)
{
    unsigned pin = get_byte(r), flags = get_byte(r);

    r->failed = r->failed || pin > NHI_PIN_LOCAL || (flags & ~(unsigned)FLAGS) != 0;
    g->pin = r->failed ? NHI_PIN_NONE : (enum nhi_pin)pin;
    g->handed_off = (flags & HANDED_OFF) != 0;
    g->observed = (flags & OBSERVED) != 0;
    g->became = (flags & BECAME) != 0;
    g->ticket.has_cnf = (flags & HAS_CNF) != 0;
}

static void get_body(struct reader *r, struct nhi_grant *g)
{
    for (size_t i = 0; i < COUNT(numbers); i++)
        get_number(r, g, &numbers[i]);
    g->self.pid = get_pid(r);
    g->parent.pid = get_pid(r);
    g->ticket.uses = get_word(r);
    g->ticket.ssh = get_word(r);
    g->ms = get_short(r);
    get_flags(r, g);
    if (g->ticket.has_cnf)
        get(r, g->ticket.cnf, sizeof(g->ticket.cnf));
    get_names(r, g);
    for (size_t i = 0; i < COUNT(texts); i++)
        get_text(r, (char *)g + texts[i].at, texts[i].size);
}

/* Whether this is the whole of a record, without damage. */
static enum nhi_err check_whole(const uint8_t *bytes, size_t len)
{
    struct reader head = { .at = bytes + AT_VERSION, .left = HEAD - AT_VERSION };
    struct reader end = { .at = bytes + len - SUM, .left = SUM };
    uint64_t sum;

    if (memcmp(bytes, magic, sizeof(magic)) != 0)
        return NHI_ERR_CORRUPT;
    if (get_short(&head) != VERSION)
        return NHI_ERR_VERSION;
    get(&end, &sum, sizeof(sum));
    return get_short(&head) == len && le64toh(sum) == nhi_record_sum(bytes, len - SUM) ? NHI_OK : NHI_ERR_CORRUPT;
}

size_t nhi_record_length(const uint8_t *bytes, size_t len)
{
    if (len < HEAD || memcmp(bytes, magic, sizeof(magic)) != 0)
        return 0;
    return (size_t)(bytes[AT_LENGTH] | bytes[AT_LENGTH + 1] << 8);
}

enum nhi_err nhi_record_decode(const void *bytes, size_t len, struct nhi_grant *out)
{
    enum nhi_err err = len >= HEAD + SUM && len <= NHI_RECORD_MAX ? check_whole(bytes, len) : NHI_ERR_CORRUPT;
    struct reader r;
    struct nhi_grant g;

    if (err != NHI_OK)
        return err;
    r = (struct reader){ .at = (const uint8_t *)bytes + HEAD, .left = len - HEAD - SUM };
    memset(&g, 0, sizeof(g));
    get_body(&r, &g);
    if (r.failed || r.left != 0 || !is_valid(&g))
        return NHI_ERR_CORRUPT;
    *out = g;
    return NHI_OK;
}
