/* SPDX-License-Identifier: ISC */
/*
 * MUST: read with pread. A mapping would cost more in page faults than all look-ups of a decision.
 */
#include "libnhi/state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/machine.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/phase.h"
#include "libnhi/base/proc.h"
#include "libnhi/state/state_tail.h"

#define TRIES 3    /* of a read that met a write, or a file that was just replaced */
#define CHUNK 4096 /* of the tail, which is short as a rule */
#define PAGES 32   /* that are kept: a decision asks for some of them more than once */

struct nhi_state {
    struct state_head head;
    uint8_t *tail; /* STATE_TAIL_SIZE bytes */
    size_t used;   /* of these, in complete records */
    size_t done;   /* of these, in records that are complete: the last writer at work has added the others */
    int64_t generation, latest;
    int base;
    const uint8_t *page; /* the one that was asked for last */
    struct {
        uint32_t number; /* 0: nothing was read to it */
        uint8_t *bytes;
    } pages[PAGES];
    size_t next; /* of these, to be read to */
};

/* ---- opening ---- */

static enum nhi_err read_at(int fd, void *buf, size_t len, uint64_t at)
{
    ssize_t n;

    do
        n = pread(fd, buf, len, (off_t)at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return NHI_ERR_SYS;
    return (size_t)n == len ? NHI_OK : NHI_ERR_CORRUPT;
}

/* Whether it was published in this boot. */
static enum nhi_err check_head(const struct state_head *h)
{
    char boot[37];
    uint64_t init;

    if (memcmp(h->magic, STATE_MAGIC, sizeof(h->magic)) != 0 || h->sum != state_head_sum(h) || h->pages == 0 ||
        h->boot[sizeof(boot) - 1] != '\0' || h->machine[NHI_DIGEST_LEN] != '\0')
        return NHI_ERR_CORRUPT;
    if (nhi_boot_id(boot) != NHI_OK || nhi_proc_init_start(&init) != NHI_OK)
        return NHI_ERR_SYS;
    return strcmp(h->boot, boot) == 0 && h->init_start == init ? NHI_OK : NHI_ERR_STATE;
}

/* Walks the complete records; used is where they end. A writer that is at work, or was killed, has added records
 * without saying that they are complete. */
static enum nhi_err walk(struct nhi_state *s, size_t have)
{
    struct state_at r;
    enum nhi_err err;

    s->used = s->done = 0;
    s->generation = s->head.generation;
    s->latest = 0;
    while ((err = state_tail_next(s->tail, have, &s->used, true, &r)) == NHI_OK) {
        s->generation = (r.head.flags & STATE_DONE) != 0 ? r.head.generation : -1;
        if ((r.head.flags & STATE_DONE) != 0)
            s->done = s->used;
        if ((r.head.flags & STATE_DONE) != 0 && r.head.value_len == sizeof(s->latest))
            memcpy(&s->latest, r.value, sizeof(s->latest));
    }
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

/* Whether the end of the records was read, and not only the end of what was read: a record may have more bytes than a
 * chunk, so that what was read ends within it. */
static bool ends_within(const struct nhi_state *s, size_t have)
{
    uint32_t committed = 0;

    if (have - s->used < sizeof(struct state_record))
        return false;
    memcpy(&committed, s->tail + s->used, sizeof(committed));
    return committed == 0;
}

/* Reads as much of the tail as has records. A record that reaches past what was read looks damaged until more is
 * read. */
static enum nhi_err read_tail(int fd, struct nhi_state *s)
{
    enum nhi_err err = NHI_OK;
    size_t have = 0;

    do {
        size_t more = have == 0 ? CHUNK : STATE_TAIL_SIZE - have;

        err = read_at(fd, s->tail + have, more, STATE_HEAD_SIZE + have);
        have += more;
        if (err == NHI_OK)
            err = walk(s, have);
    } while (have < STATE_TAIL_SIZE && (err == NHI_ERR_CORRUPT || (err == NHI_OK && !ends_within(s, have))));
    return err;
}

static enum nhi_err open_base(int run, const char *dir, struct nhi_state *s)
{
    char name[STATE_BASE_NAME_MAX];
    enum nhi_err err = NHI_OK;
    size_t size = 0;
    int in = run;

    state_base_name(s->head.base, name);
    if (s->head.in_run != 1)
        err = nhi_dir_borrow(dir, &in);
    if (err == NHI_OK)
        err = nhi_file_open_sized(in, name, 1, &s->base, &size);
    if (in != run)
        nhi_dir_return(in);
    if (err == NHI_OK && size != s->head.base_size)
        err = NHI_ERR_CORRUPT;
    return err;
}

static enum nhi_err read_file(int run, const char *dir, struct nhi_state *s)
{
    enum nhi_err err;
    int fd;

    err = nhi_file_open(run, NHI_STATE_FILE, 1, &fd);
    if (err != NHI_OK)
        return err;
    err = read_at(fd, &s->head, sizeof(s->head), 0);
    if (err == NHI_OK)
        err = check_head(&s->head);
    for (int tries = 0; err == NHI_OK && tries < TRIES; tries++) {
        err = read_tail(fd, s);
        if (err != NHI_ERR_CORRUPT)
            break;
        if (tries + 1 < TRIES)
            err = NHI_OK;
    }
    close(fd);
    if (err == NHI_OK) {
        err = open_base(run, dir, s);
        /* It was replaced between the two, or it is gone. */
        if (err == NHI_ERR_NOT_FOUND)
            err = NHI_ERR_BUSY;
    }
    return err;
}

enum nhi_err nhi_state_open(const char *run_dir, const char *dir, struct nhi_state **out)
{
    struct nhi_state *s = calloc(1, sizeof(*s));
    enum nhi_err err = NHI_OK;
    int run = -1;

    if (s == NULL)
        return NHI_ERR_NOMEM;
    s->base = -1;
    s->tail = malloc(STATE_TAIL_SIZE);
    if (s->tail == NULL)
        err = NHI_ERR_NOMEM;
    if (err == NHI_OK)
        err = nhi_dir_borrow(run_dir, &run);
    for (int tries = 0; err == NHI_OK && tries < TRIES; tries++) {
        err = read_file(run, dir, s);
        if (err != NHI_ERR_BUSY)
            break;
        if (tries + 1 < TRIES)
            err = NHI_OK;
    }
    nhi_dir_return(run);
    if (err == NHI_ERR_BUSY)
        err = NHI_ERR_CORRUPT;
    if (err == NHI_OK)
        *out = s;
    else
        nhi_state_close(s);
    return err;
}

bool nhi_state_is_denied(enum nhi_err err)
{
    return err == NHI_ERR_NOT_FOUND || err == NHI_ERR_STATE || err == NHI_ERR_UNSAFE || err == NHI_ERR_CORRUPT;
}

void nhi_state_close(struct nhi_state *s)
{
    if (s == NULL)
        return;
    if (s->base >= 0)
        close(s->base);
    for (size_t i = 0; i < PAGES; i++)
        free(s->pages[i].bytes);
    free(s->tail);
    free(s);
}

int64_t nhi_state_generation(const struct nhi_state *s)
{
    return s->generation;
}

int64_t nhi_state_latest(const struct nhi_state *s)
{
    return s->latest;
}

bool nhi_state_is_here(const struct nhi_state *s)
{
    char machine[NHI_DIGEST_LEN + 1];

    return nhi_machine_id(NHI_MACHINE_FILE, machine) == NHI_OK && strcmp(s->head.machine, machine) == 0;
}

bool nhi_state_mark(const struct nhi_state *s, struct nhi_state_mark *out)
{
    if (s->generation < 0)
        return false;
    *out = (struct nhi_state_mark){ .base = s->head.base,
                                    .seed = s->head.seed,
                                    .base_size = s->head.base_size,
                                    .made_from = s->head.generation,
                                    .generation = s->generation,
                                    .used = s->used };
    return true;
}

bool nhi_state_is_unchanged(const struct nhi_state_mark *then, const struct nhi_state_mark *now)
{
    return then->base == now->base && then->seed == now->seed && then->base_size == now->base_size &&
           then->made_from == now->made_from && then->generation == now->generation && then->used == now->used;
}

size_t nhi_state_used(const struct nhi_state *s)
{
    return s->used;
}

const struct state_head *nhi_state_head(const struct nhi_state *s)
{
    return &s->head;
}

/* ---- looking up ---- */

static enum nhi_err take(const uint8_t *bytes, size_t len, struct nhi_value *out)
{
    out->len = len;
    out->full = false;
    if (len > sizeof(out->bytes))
        return NHI_ERR_CORRUPT;
    memcpy(out->bytes, bytes, len);
    return NHI_OK;
}

static enum nhi_err read_page(const struct nhi_state *s, uint32_t number, uint8_t *page)
{
    struct state_page p;
    enum nhi_err err = read_at(s->base, page, STATE_PAGE_SIZE, (uint64_t)(number - 1) * STATE_PAGE_SIZE);

    if (err != NHI_OK)
        return err;
    memcpy(&p, page, sizeof(p));
    if (p.sum != state_page_sum(s->head.base, number, page) || p.used > STATE_PAGE_SIZE || p.used < sizeof(p))
        return NHI_ERR_CORRUPT;
    return NHI_OK;
}

static enum nhi_err load_page(struct nhi_state *s, uint32_t number)
{
    enum nhi_err err;
    size_t i;

    if (number == 0 || number > s->head.base_size / STATE_PAGE_SIZE)
        return NHI_ERR_CORRUPT;
    for (i = 0; i < PAGES && s->pages[i].number != 0; i++)
        if (s->pages[i].number == number) {
            s->page = s->pages[i].bytes;
            return NHI_OK;
        }
    i = s->next;
    if (s->pages[i].bytes == NULL && (s->pages[i].bytes = malloc(STATE_PAGE_SIZE)) == NULL)
        return NHI_ERR_NOMEM;
    s->pages[i].number = 0;
    err = read_page(s, number, s->pages[i].bytes);
    if (err != NHI_OK)
        return err;
    s->pages[i].number = number;
    s->page = s->pages[i].bytes;
    s->next = (i + 1) % PAGES;
    return NHI_OK;
}

static enum nhi_err take_far(struct nhi_state *s, const struct state_entry *e, const uint8_t *at, struct nhi_value *out)
{
    struct state_far f;
    enum nhi_err err;

    memcpy(&f, at, sizeof(f));
    if (e->value_len > sizeof(out->bytes))
        return NHI_ERR_CORRUPT;
    err = read_at(s->base, out->bytes, e->value_len, f.at);
    if (err == NHI_OK && state_sum(s->head.base, out->bytes, e->value_len) != f.sum)
        err = NHI_ERR_CORRUPT;
    out->len = e->value_len;
    out->full = false;
    return err;
}

typedef enum nhi_err (*entry_fn)(struct nhi_value *entry, void *arg);

/* Every entry of the base with that key. */
static enum nhi_err in_base(struct nhi_state *s, const struct nhi_fact_key *key, struct nhi_value *v, entry_fn fn,
                            void *arg)
{
    const uint32_t hash = state_hash(s->head.seed, key);
    uint32_t number = (uint32_t)(((uint64_t)hash * s->head.pages) >> 32) + 1;
    enum nhi_err err = NHI_OK;
    struct state_entry e;
    struct state_page p;
    size_t at, room;

    for (; err == NHI_OK && number != 0; number = p.next) {
        err = load_page(s, number);
        if (err != NHI_OK)
            break;
        memcpy(&p, s->page, sizeof(p));
        for (at = sizeof(p); err == NHI_OK && at + sizeof(e) <= p.used; at += sizeof(e) + e.key_len + room) {
            memcpy(&e, s->page + at, sizeof(e));
            room = e.far ? sizeof(struct state_far) : e.value_len;
            if (at + sizeof(e) + e.key_len + room > p.used)
                return NHI_ERR_CORRUPT;
            if (e.hash != hash || !state_key_is(key, e.kind, s->page + at + sizeof(e), e.key_len))
                continue;
            err = e.far ? take_far(s, &e, s->page + at + sizeof(e) + e.key_len, v)
                        : take(s->page + at + sizeof(e) + e.key_len, e.value_len, v);
            if (err == NHI_OK)
                err = fn(v, arg);
            /* fn may have looked up something else. */
            if (err == NHI_OK)
                err = load_page(s, number);
        }
    }
    return err;
}

static enum nhi_err first(struct nhi_value *entry, void *arg)
{
    (void)entry;
    *(bool *)arg = true;
    return NHI_ERR_EXISTS;
}

static enum nhi_err get(void *ctx, const struct nhi_fact_key *key, struct nhi_value *out)
{
    struct nhi_state *s = ctx;
    const uint32_t hash = state_hash(s->head.seed, key);
    struct state_at r, last = { .key = NULL };
    bool found = false;
    size_t at = 0;
    enum nhi_err err;

    while (at < s->used) {
        err = state_tail_next(s->tail, s->used, &at, false, &r);
        if (err != NHI_OK)
            return err;
        if (r.head.hash == hash && state_key_is(key, r.head.kind, r.key, r.head.key_len))
            last = r;
    }
    if (last.key != NULL && (last.head.flags & STATE_HELD) != 0)
        return NHI_ERR_STATE;
    if (last.key != NULL)
        return take(last.value, last.head.value_len, out);
    err = in_base(s, key, out, first, &found);
    if (found)
        return NHI_OK;
    return err == NHI_OK ? NHI_ERR_NOT_FOUND : err;
}

static enum nhi_err each(void *ctx, const struct nhi_fact_key *key, entry_fn fn, void *arg)
{
    struct nhi_state *s = ctx;
    const uint32_t hash = state_hash(s->head.seed, key);
    struct nhi_value v;
    enum nhi_err err = NHI_OK;
    struct state_at r;
    size_t at = 0;

    while (err == NHI_OK && at < s->used) {
        err = state_tail_next(s->tail, s->used, &at, false, &r);
        if (err != NHI_OK || r.head.hash != hash || !state_key_is(key, r.head.kind, r.key, r.head.key_len))
            continue;
        err = take(r.value, r.head.value_len, &v);
        if (err == NHI_OK)
            err = fn(&v, arg);
    }
    return err == NHI_OK ? in_base(s, key, &v, fn, arg) : err;
}

static const char *why(void *ctx)
{
    (void)ctx;
    return "";
}

struct nhi_fact_source nhi_state_source(struct nhi_state *s)
{
    return (struct nhi_fact_source){ .ctx = s, .get = get, .each = each, .why = why };
}

/* ---- for writers ---- */

bool nhi_state_since(const struct nhi_state *s, int64_t generation, size_t *at)
{
    bool known = s->head.generation == generation;
    size_t next = 0;
    struct state_at r;

    *at = 0;
    while (nhi_state_next(s, &next, &r) == NHI_OK)
        if ((r.head.flags & STATE_DONE) != 0 && r.head.generation == generation) {
            known = true;
            *at = next;
        }
    return known;
}

enum nhi_err nhi_state_next(const struct nhi_state *s, size_t *at, struct state_at *out)
{
    return *at < s->used ? state_tail_next(s->tail, s->used, at, false, out) : NHI_ERR_NOT_FOUND;
}

/* Those of a page, and next the page that continues it. */
static enum nhi_err each_in_page(struct nhi_state *s, uint32_t number, uint32_t *next, nhi_fact_fn fn, void *ctx)
{
    enum nhi_err err = load_page(s, number);
    struct nhi_fact_key key;
    struct state_entry e;
    struct state_page p;
    struct nhi_value v;
    size_t at = sizeof(p), room;

    if (err != NHI_OK)
        return err;
    memcpy(&p, s->page, sizeof(p));
    *next = p.next;
    for (; err == NHI_OK && at + sizeof(e) <= p.used; at += sizeof(e) + e.key_len + room) {
        memcpy(&e, s->page + at, sizeof(e));
        room = e.far ? sizeof(struct state_far) : e.value_len;
        if (e.key_len > sizeof(key.bytes) || at + sizeof(e) + e.key_len + room > p.used)
            return NHI_ERR_CORRUPT;
        key.kind = e.kind;
        key.len = e.key_len;
        memcpy(key.bytes, s->page + at + sizeof(e), e.key_len);
        err = e.far ? take_far(s, &e, s->page + at + sizeof(e) + e.key_len, &v)
                    : take(s->page + at + sizeof(e) + e.key_len, e.value_len, &v);
        if (err == NHI_OK)
            err = fn(ctx, &key, &v);
    }
    return err;
}

enum nhi_err nhi_state_each_in_base(struct nhi_state *s, nhi_fact_fn fn, void *ctx)
{
    enum nhi_err err = NHI_OK;
    uint32_t number;

    for (uint32_t first = 1; err == NHI_OK && first <= s->head.pages; first++)
        for (number = first; err == NHI_OK && number != 0;)
            err = each_in_page(s, number, &number, fn, ctx);
    return err;
}

struct revoked {
    enum nhi_err (*fn)(unsigned kind, const char *id, void *ctx);
    void *ctx;
};

static enum nhi_err one_revoked(void *ctx, const struct nhi_fact_key *key, const struct nhi_value *v)
{
    const struct revoked *to = ctx;
    char id[NHI_FACT_KEY_MAX + 1];

    (void)v;
    if (key->kind != NHI_FACT_REVOKED || key->len < 3)
        return NHI_OK;
    memcpy(id, key->bytes + 2, key->len - 2u);
    id[key->len - 2] = '\0';
    return to->fn((unsigned)(key->bytes[0] - '0'), id, to->ctx);
}

enum nhi_err nhi_state_each_revoked(struct nhi_state *s, bool all,
                                    enum nhi_err (*fn)(unsigned kind, const char *id, void *ctx), void *ctx)
{
    struct revoked to = { fn, ctx };
    size_t at = all ? 0 : s->done;
    enum nhi_err err = all ? nhi_state_each_in_base(s, one_revoked, &to) : NHI_OK;
    struct nhi_fact_key key;
    struct state_at r;

    while (err == NHI_OK && (err = nhi_state_next(s, &at, &r)) == NHI_OK) {
        key.kind = r.head.kind;
        key.len = r.head.key_len;
        memcpy(key.bytes, r.key, key.len);
        err = one_revoked(&to, &key, NULL);
    }
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}
