/* SPDX-License-Identifier: ISC */
#include "libnhi/state/state_build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "libnhi/base/grow.h"

#define FILL 2900     /* bytes that a page has on average: so few are full */
#define NEAR_MAX 1024 /* a longer value lies at the end of the file */
#define PAGES_MAX (UINT32_MAX / 4)
#define ROOM (STATE_PAGE_SIZE - sizeof(struct state_page))
#define AT_ONCE 64 /* pages that are written together */

/* An entry as it will be in a page. */
struct piece {
    size_t at; /* in bytes */
    uint32_t hash;
    uint16_t len;
    bool list;
};

struct nhi_state_build {
    uint64_t seed, base;
    uint8_t *bytes;
    size_t used, room;
    struct piece *pieces;
    size_t count, piece_room;
    uint8_t *far; /* the long values */
    size_t far_used, far_room;
    uint64_t whole_size; /* 0: it is made from the ledger */
};

enum nhi_err nhi_state_build_new(struct nhi_state_build **out)
{
    struct nhi_state_build *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NHI_ERR_NOMEM;
    if (getrandom(&b->seed, sizeof(b->seed), 0) != sizeof(b->seed) ||
        getrandom(&b->base, sizeof(b->base), 0) != sizeof(b->base)) {
        free(b);
        return NHI_ERR_SYS;
    }
    *out = b;
    return NHI_OK;
}

void nhi_state_build_is_merged(struct nhi_state_build *b, uint64_t whole_size)
{
    b->whole_size = whole_size;
}

void nhi_state_build_free(struct nhi_state_build *b)
{
    if (b == NULL)
        return;
    free(b->bytes);
    free(b->pieces);
    free(b->far);
    free(b);
}

/* Room for len more bytes at the end, which are used then. */
static uint8_t *extend(uint8_t **bytes, size_t *used, size_t *room, size_t len)
{
    uint8_t *more = nhi_grow(*bytes, room, *used + len, 1);

    if (more == NULL)
        return NULL;
    *bytes = more;
    *used += len;
    return more + *used - len;
}

enum nhi_err nhi_state_build_add(struct nhi_state_build *b, const struct nhi_fact_key *key, const struct nhi_value *v)
{
    const bool far = v->len > NEAR_MAX;
    const struct state_far f = { .at = b->far_used, .sum = far ? state_sum(b->base, v->bytes, v->len) : 0 };
    const size_t near_len = far ? sizeof(f) : v->len;
    const struct state_entry e = { .hash = state_hash(b->seed, key),
                                   .value_len = (uint16_t)v->len,
                                   .key_len = key->len,
                                   .kind = key->kind,
                                   .far = far };
    struct piece p = { .at = b->used, .hash = e.hash, .list = NHI_FACT_IS_LIST(key->kind) }, *more;
    uint8_t *to, *far_to = NULL;

    if (v->full)
        return NHI_ERR_TOO_LONG;
    p.len = (uint16_t)(sizeof(e) + key->len + near_len);
    more = nhi_grow(b->pieces, &b->piece_room, b->count + 1, sizeof(*more));
    if (more == NULL)
        return NHI_ERR_NOMEM;
    b->pieces = more;
    if (far && (far_to = extend(&b->far, &b->far_used, &b->far_room, v->len)) == NULL)
        return NHI_ERR_NOMEM;
    to = extend(&b->bytes, &b->used, &b->room, p.len);
    if (to == NULL)
        return NHI_ERR_NOMEM;
    memcpy(to, &e, sizeof(e));
    memcpy(to + sizeof(e), key->bytes, key->len);
    if (far)
        memcpy(far_to, v->bytes, v->len);
    memcpy(to + sizeof(e) + key->len, far ? (const void *)&f : v->bytes, near_len);
    b->pieces[b->count++] = p;
    return NHI_OK;
}

static uint32_t page_of(const struct piece *p, uint64_t pages)
{
    return (uint32_t)((p->hash * pages) >> 32);
}

/* How many bytes do not go on beyond one page. A long list has pages of its own, however many others there are. */
static size_t near_bytes(const struct nhi_state_build *b)
{
    const uint64_t pages = b->used / FILL + 1;
    uint64_t *bytes = calloc(pages, sizeof(*bytes));
    size_t all = 0;

    if (bytes == NULL)
        return b->used;
    for (size_t i = 0; i < b->count; i++)
        bytes[page_of(&b->pieces[i], pages)] += b->pieces[i].len;
    for (uint64_t i = 0; i < pages; i++)
        all += bytes[i] < ROOM ? bytes[i] : ROOM;
    free(bytes);
    return all;
}

uint64_t nhi_state_build_size(const struct nhi_state_build *b)
{
    const size_t near = near_bytes(b);
    const uint64_t pages = near / FILL + 1;

    /* A few pages overflow. */
    return (pages + pages / 8 + 1 + (b->used - near) / (ROOM / 2)) * STATE_PAGE_SIZE + b->far_used;
}

/* ---- writing ---- */

/* The pieces in the order of their pages: from[i] is the first piece of page i, in order. On a page lists come last, so
 * that nothing else is looked for behind a long one. */
static enum nhi_err sort(const struct nhi_state_build *b, uint32_t pages, size_t **from, struct piece **order)
{
    size_t *f = calloc((size_t)pages + 2, sizeof(*f));
    struct piece *o = calloc(b->count + 1, sizeof(*o));

    if (f == NULL || o == NULL) {
        free(f);
        free(o);
        return NHI_ERR_NOMEM;
    }
    for (size_t i = 0; i < b->count; i++)
        f[page_of(&b->pieces[i], pages) + 2]++;
    for (uint32_t i = 2; i < pages + 2; i++)
        f[i] += f[i - 1];
    for (int list = 0; list <= 1; list++)
        for (size_t i = 0; i < b->count; i++)
            if (b->pieces[i].list == (list == 1))
                o[f[page_of(&b->pieces[i], pages) + 1]++] = b->pieces[i];
    *from = f;
    *order = o;
    return NHI_OK;
}

/* Pages that follow each other, and where the first of them goes in the file. */
struct row {
    uint64_t at;
    size_t held;
    uint8_t pages[AT_ONCE][STATE_PAGE_SIZE];
};

struct writing {
    const struct nhi_state_build *b;
    const struct piece *order;
    int fd;
    uint64_t far_at; /* where the long values begin */
    uint8_t *page;   /* that is being filled */
    uint32_t next;   /* number of the next page that continues another one */
    struct row *row; /* pages that a hash leads to, and those that continue others */
};

static enum nhi_err write_row(const struct writing *w, struct row *r)
{
    const size_t len = r->held * STATE_PAGE_SIZE;
    enum nhi_err err = lseek(w->fd, (off_t)r->at, SEEK_SET) >= 0 ? NHI_OK : NHI_ERR_SYS;

    if (err == NHI_OK)
        err = nhi_file_write(w->fd, r->pages, len);
    r->at += len;
    r->held = 0;
    return err;
}

/* The next page of a row is the one to be filled. */
static enum nhi_err next_page(struct writing *w, struct row *r)
{
    enum nhi_err err = r->held == AT_ONCE ? write_row(w, r) : NHI_OK;

    w->page = r->pages[err == NHI_OK ? r->held++ : 0];
    return err;
}

/* Puts one piece into the page; its long value gets its place in the file. */
static void put(struct writing *w, struct state_page *p, const struct piece *piece)
{
    struct state_entry e;
    struct state_far f;
    uint8_t *at = w->page + p->used;

    memcpy(at, w->b->bytes + piece->at, piece->len);
    memcpy(&e, at, sizeof(e));
    if (e.far) {
        memcpy(&f, at + sizeof(e) + e.key_len, sizeof(f));
        f.at += w->far_at;
        memcpy(at + sizeof(e) + e.key_len, &f, sizeof(f));
    }
    p->used = (uint16_t)(p->used + piece->len);
}

/* Fills one page with pieces from *i on, as many as fit before end. */
static void fill(struct writing *w, size_t *i, size_t end, uint32_t number)
{
    struct state_page p = { .used = sizeof(p) };

    while (*i < end && w->order[*i].len <= STATE_PAGE_SIZE - (size_t)p.used)
        put(w, &p, &w->order[(*i)++]);
    p.next = *i < end ? w->next : 0;
    memset(w->page + p.used, 0, STATE_PAGE_SIZE - (size_t)p.used);
    memcpy(w->page, &p, sizeof(p));
    p.sum = state_page_sum(w->b->base, number, w->page);
    memcpy(w->page, &p, sizeof(p));
}

/* How many pages continue others. */
static uint64_t count_overflow(const struct piece *order, const size_t *from, uint32_t pages)
{
    uint64_t more = 0;
    size_t used;

    for (uint32_t n = 0; n < pages; n++) {
        used = sizeof(struct state_page);
        for (size_t i = from[n]; i < from[n + 1]; i++) {
            if (order[i].len > STATE_PAGE_SIZE - used) {
                more++;
                used = sizeof(struct state_page);
            }
            used += order[i].len;
        }
    }
    return more;
}

/* Page n, which a hash leads to, and those that continue it, with the pieces from i on. */
static enum nhi_err write_page(struct writing *w, uint32_t n, size_t i, size_t end)
{
    enum nhi_err err = next_page(w, &w->row[0]);

    if (err == NHI_OK)
        fill(w, &i, end, n + 1);
    while (err == NHI_OK && i < end) {
        err = next_page(w, &w->row[1]);
        w->next++;
        if (err == NHI_OK)
            fill(w, &i, end, w->next - 1);
    }
    return err;
}

/* All pages that a hash leads to; pages that overflow are continued after them, in this order. */
static enum nhi_err write_pages(struct writing *w, const size_t *from, uint32_t pages)
{
    enum nhi_err err = NHI_OK;

    w->row = calloc(2, sizeof(*w->row));
    if (w->row == NULL)
        return NHI_ERR_NOMEM;
    w->row[1].at = (uint64_t)pages * STATE_PAGE_SIZE;
    w->next = pages + 1;
    for (uint32_t n = 0; err == NHI_OK && n < pages; n++)
        err = write_page(w, n, from[n], from[n + 1]);
    for (int i = 0; err == NHI_OK && i < 2; i++)
        err = write_row(w, &w->row[i]);
    free(w->row);
    return err;
}

/* Behind the pages. */
static enum nhi_err write_far(const struct writing *w)
{
    if (lseek(w->fd, (off_t)w->far_at, SEEK_SET) < 0)
        return NHI_ERR_SYS;
    return nhi_file_write(w->fd, w->b->far, w->b->far_used);
}

enum nhi_err nhi_state_build_write(struct nhi_state_build *b, int fd, struct state_head *h)
{
    const uint64_t wanted = near_bytes(b) / FILL + 1;
    const uint32_t pages = (uint32_t)wanted;
    struct writing w = { .b = b, .fd = fd };
    struct piece *order = NULL;
    size_t *from = NULL;
    uint64_t all;
    enum nhi_err err;

    if (wanted > PAGES_MAX)
        return NHI_ERR_TOO_LONG;
    err = sort(b, pages, &from, &order);
    if (err != NHI_OK)
        return err;
    all = pages + count_overflow(order, from, pages);
    w.order = order;
    w.far_at = all * STATE_PAGE_SIZE;
    err = all <= PAGES_MAX ? write_pages(&w, from, pages) : NHI_ERR_TOO_LONG;
    if (err == NHI_OK && b->far_used > 0)
        err = write_far(&w);
    if (err == NHI_OK) {
        h->seed = b->seed;
        h->base = b->base;
        h->base_size = w.far_at + b->far_used;
        h->whole_size = b->whole_size != 0 ? b->whole_size : h->base_size;
        h->pages = pages;
    }
    free(from);
    free(order);
    return err;
}
