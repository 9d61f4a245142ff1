/* SPDX-License-Identifier: ISC */
#include "libnhi/state/state_merge.h"

#include <stdlib.h>

#include "libnhi/state/state_tail.h"

#define RECORDS_MAX (STATE_TAIL_SIZE / sizeof(struct state_record))
#define SLACK ((uint64_t)1 << 20) /* bytes that are always too few to matter */

/* What counts instead of anything with the same key; of a list, instead of the same entry. */
struct over {
    struct nhi_fact_key key;
    const uint8_t *value;
    size_t len;
    bool held;
};

struct nhi_state_merge {
    struct nhi_state *s;
    struct over *all;
    size_t count, room;
    uint32_t *table; /* numbers from 1 of those, by a hash; 0: none */
    size_t mask;
};

bool nhi_state_may_merge(const struct nhi_state *s)
{
    const struct state_head *h = nhi_state_head(s);

    return h->base_size <= h->whole_size + h->whole_size / 4 + SLACK;
}

/* Where that one is in the table, or may be put. */
static uint32_t *place_of(const struct nhi_state_merge *m, const struct over *o)
{
    const bool list = NHI_FACT_IS_LIST(o->key.kind);
    /* Entries of one list differ in their values alone. */
    const uint64_t hash =
        list ? state_sum(o->key.len, o->value, o->len) : state_sum(o->key.kind, o->key.bytes, o->key.len);
    const struct over *other;
    size_t at;

    for (at = hash & m->mask; m->table[at] != 0; at = (at + 1) & m->mask) {
        other = &m->all[m->table[at] - 1];
        if (!state_key_is(&other->key, o->key.kind, o->key.bytes, o->key.len))
            continue;
        if (!NHI_FACT_IS_LIST(o->key.kind) || (other->len == o->len && memcmp(other->value, o->value, o->len) == 0))
            break;
    }
    return &m->table[at];
}

static void put(struct nhi_state_merge *m, const struct over *o)
{
    uint32_t *place = place_of(m, o);

    if (*place != 0) {
        m->all[*place - 1] = *o;
    } else if (m->count < m->room) {
        m->all[m->count++] = *o;
        *place = (uint32_t)m->count;
    }
}

/* Of several records with one key the last one counts. */
static enum nhi_err take_tail(struct nhi_state_merge *m)
{
    struct state_at r;
    enum nhi_err err;
    size_t at = 0;

    while ((err = nhi_state_next(m->s, &at, &r)) == NHI_OK) {
        struct over o = { .key = { .kind = r.head.kind, .len = r.head.key_len },
                          .value = r.value,
                          .len = r.head.value_len,
                          .held = (r.head.flags & STATE_HELD) != 0 };

        if ((r.head.flags & STATE_DONE) != 0)
            continue;
        memcpy(o.key.bytes, r.key, r.head.key_len);
        put(m, &o);
    }
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_state_merge_new(struct nhi_state *s, size_t more, struct nhi_state_merge **out)
{
    struct nhi_state_merge *m;
    enum nhi_err err = NHI_ERR_NOMEM;
    size_t places = 1;

    if (nhi_state_generation(s) < 0)
        return NHI_ERR_STATE;
    m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NHI_ERR_NOMEM;
    m->s = s;
    m->room = RECORDS_MAX + more;
    while (places < m->room * 2)
        places *= 2;
    m->mask = places - 1;
    m->all = calloc(m->room, sizeof(*m->all));
    m->table = calloc(places, sizeof(*m->table));
    if (m->all != NULL && m->table != NULL)
        err = take_tail(m);
    if (err == NHI_OK)
        *out = m;
    else
        nhi_state_merge_free(m);
    return err;
}

void nhi_state_merge_put(struct nhi_state_merge *m, const struct nhi_fact_key *key, const uint8_t *value, size_t len)
{
    put(m, &(const struct over){ .key = *key, .value = value, .len = len });
}

struct walking {
    const struct nhi_state_merge *m;
    nhi_fact_fn fn;
    void *ctx;
};

static enum nhi_err from_base(void *ctx, const struct nhi_fact_key *key, const struct nhi_value *v)
{
    const struct walking *w = ctx;
    const struct over o = { .key = *key, .value = v->bytes, .len = v->len };

    return *place_of(w->m, &o) != 0 ? NHI_OK : w->fn(w->ctx, key, v);
}

enum nhi_err nhi_state_merge_each(const struct nhi_state_merge *m, nhi_fact_fn fn, void *ctx)
{
    struct walking w = { m, fn, ctx };
    enum nhi_err err = nhi_state_each_in_base(m->s, from_base, &w);
    struct nhi_value v;

    for (size_t i = 0; err == NHI_OK && i < m->count; i++) {
        if (m->all[i].held || m->all[i].len > sizeof(v.bytes))
            return NHI_ERR_STATE;
        nhi_value_begin(&v);
        nhi_value_put(&v, m->all[i].value, m->all[i].len);
        err = fn(ctx, &m->all[i].key, &v);
    }
    return err;
}

void nhi_state_merge_free(struct nhi_state_merge *m)
{
    if (m == NULL)
        return;
    free(m->all);
    free(m->table);
    free(m);
}
