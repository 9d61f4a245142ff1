/* SPDX-License-Identifier: ISC */
#include "libnhi/state/state_build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "libnhi/base/grow.h"

#define FILL 2900     /* bytes that a page has on average: so few are full */
#define NEAR_MAX 1024 /* a longer value lies at the end of the file */
#define PAGES_MAX (UINT32_MAX / 4)

/* An entry as it will be in a page. */
struct piece {
    size_t at; /* in bytes */
    uint32_t hash, len;
};

struct nhi_state_build {
    uint64_t seed, base;
    uint8_t *bytes;
    size_t used, room;
    struct piece *pieces;
    size_t count, piece_room;
    uint8_t *far; /* the long values */
    size_t far_used, far_room;
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

void nhi_state_build_free(struct nhi_state_build *b)
{
    if (b == NULL)
        return;
    free(b->bytes);
    free(b->pieces);
    free(b->far);
    free(b);
}

static enum nhi_err append(uint8_t **bytes, size_t *used, size_t *room, const void *data, size_t len)
{
    uint8_t *more = nhi_grow(*bytes, room, *used + len, 1);

    if (more == NULL)
        return NHI_ERR_NOMEM;
    *bytes = more;
    if (len > 0)
        memcpy(more + *used, data, len);
    *used += len;
    return NHI_OK;
}

enum nhi_err nhi_state_build_add(struct nhi_state_build *b, const struct nhi_fact_key *key, const struct nhi_value *v)
{
    const bool far = v->len > NEAR_MAX;
    struct state_entry e = { .hash = state_hash(b->seed, key),
                             .value_len = (uint16_t)v->len,
                             .key_len = key->len,
                             .kind = key->kind,
                             .far = far };
    struct state_far f = { .at = b->far_used };
    struct piece *more;
    enum nhi_err err;

    if (v->full)
        return NHI_ERR_TOO_LONG;
    more = nhi_grow(b->pieces, &b->piece_room, b->count + 1, sizeof(*more));
    if (more == NULL)
        return NHI_ERR_NOMEM;
    b->pieces = more;
    more[b->count] = (struct piece){ .at = b->used,
                                     .hash = e.hash,
                                     .len = (uint32_t)(sizeof(e) + key->len + (far ? sizeof(f) : v->len)) };
    err = append(&b->bytes, &b->used, &b->room, &e, sizeof(e));
    if (err == NHI_OK)
        err = append(&b->bytes, &b->used, &b->room, key->bytes, key->len);
    if (far) {
        f.sum = state_sum(b->base, v->bytes, v->len);
        if (err == NHI_OK)
            err = append(&b->bytes, &b->used, &b->room, &f, sizeof(f));
        if (err == NHI_OK)
            err = append(&b->far, &b->far_used, &b->far_room, v->bytes, v->len);
    } else if (err == NHI_OK) {
        err = append(&b->bytes, &b->used, &b->room, v->bytes, v->len);
    }
    if (err == NHI_OK)
        b->count++;
    return err;
}

static uint64_t pages_of(const struct nhi_state_build *b)
{
    return b->used / FILL + 1;
}

uint64_t nhi_state_build_size(const struct nhi_state_build *b)
{
    /* A few pages overflow. */
    return (pages_of(b) + pages_of(b) / 8 + 1) * STATE_PAGE_SIZE + b->far_used;
}

/* ---- writing ---- */

static uint32_t page_of(const struct piece *p, uint32_t pages)
{
    return (uint32_t)(((uint64_t)p->hash * pages) >> 32);
}

/* The pieces in the order of their pages: from[i] is the first piece of page i, in order. */
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
    for (size_t i = 0; i < b->count; i++)
        o[f[page_of(&b->pieces[i], pages) + 1]++] = b->pieces[i];
    *from = f;
    *order = o;
    return NHI_OK;
}

struct writing {
    const struct nhi_state_build *b;
    const struct piece *order;
    uint64_t far_at; /* where the long values begin */
    uint8_t page[STATE_PAGE_SIZE];
};

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
static void fill(struct writing *w, size_t *i, size_t end, uint32_t number, uint32_t next)
{
    struct state_page p = { .used = sizeof(p) };

    memset(w->page, 0, sizeof(w->page));
    while (*i < end && w->order[*i].len <= STATE_PAGE_SIZE - (size_t)p.used)
        put(w, &p, &w->order[(*i)++]);
    p.next = *i < end ? next : 0;
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

/* All pages that a hash leads to; pages that overflow are continued after them, in this order. */
static enum nhi_err write_pages(struct writing *w, int fd, const size_t *from, uint32_t pages)
{
    uint8_t *more = NULL;
    size_t used = 0, room = 0, i;
    uint32_t next = pages + 1;
    enum nhi_err err = NHI_OK;

    for (uint32_t n = 0; err == NHI_OK && n < pages; n++) {
        i = from[n];
        fill(w, &i, from[n + 1], n + 1, next);
        err = nhi_file_write(fd, w->page, sizeof(w->page));
        while (err == NHI_OK && i < from[n + 1]) {
            next++;
            fill(w, &i, from[n + 1], next - 1, next);
            err = append(&more, &used, &room, w->page, sizeof(w->page));
        }
    }
    if (err == NHI_OK && used > 0)
        err = nhi_file_write(fd, more, used);
    free(more);
    return err;
}

enum nhi_err nhi_state_build_write(struct nhi_state_build *b, int fd, struct state_head *h)
{
    const uint64_t wanted = pages_of(b);
    const uint32_t pages = (uint32_t)wanted;
    struct writing w = { .b = b };
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
    err = all <= PAGES_MAX ? write_pages(&w, fd, from, pages) : NHI_ERR_TOO_LONG;
    if (err == NHI_OK && b->far_used > 0)
        err = nhi_file_write(fd, b->far, b->far_used);
    if (err == NHI_OK) {
        h->seed = b->seed;
        h->base = b->base;
        h->base_size = w.far_at + b->far_used;
        h->pages = pages;
    }
    free(from);
    free(order);
    return err;
}
