/* SPDX-License-Identifier: ISC */
/*
 * Writing the snapshot: the whole file is made in memory, then written.
 *
 * MUST hold: readers see the whole old file or the whole new one; on any failure before the rename the old file stays
 * and the new one is removed. No file is shortened or written to after it got its name, but for its tail
 * (snapshot_change.c) and the one word that says that it was replaced, which is set before the new file gets the name.
 * Time and memory are linear in the number of accounts.
 */
#include "libnhi/snapshot/snapshot_write.h"

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/snapshot/snapshot_account.h"
#include "libnhi/snapshot/snapshot_copy.h"
#include "libnhi/snapshot/snapshot_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A record, and the hash of its name from when that was at hand. */
struct made {
    uint64_t hash;
    uint32_t ref, uid;
};

struct nhi_snapshot_writer {
    unsigned char *image; /* the header, then the records, then the tables */
    size_t len, room;
    struct made *made; /* the records, in their order */
    size_t made_room;
    enum nhi_err failed;
    uint32_t uid_min, uid_max, last_uid, count;
    uint32_t buckets; /* of one table, once that is known */
    uint64_t stamp;
};

enum nhi_err nhi_snapshot_begin(uint32_t uid_min, uint32_t uid_max, struct nhi_snapshot_writer **out)
{
    struct nhi_snapshot_writer *w;

    if (!nhi_range_is_valid(uid_min, uid_max))
        return NHI_ERR_ARG;
    w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NHI_ERR_NOMEM;
    w->uid_min = w->last_uid = uid_min;
    w->uid_max = uid_max;
    w->len = NHI_SNAPSHOT_HEADER_LEN;
    *out = w;
    return NHI_OK;
}

void nhi_snapshot_set_stamp(struct nhi_snapshot_writer *w, uint64_t stamp)
{
    w->stamp = stamp;
}

/* Makes the image able to be so long. */
static enum nhi_err reserve(struct nhi_snapshot_writer *w, size_t len)
{
    unsigned char *grown = nhi_grow(w->image, &w->room, len, 1);

    if (grown == NULL)
        return NHI_ERR_NOMEM;
    if (w->image == NULL)
        memset(grown, 0, w->len);
    w->image = grown;
    return NHI_OK;
}

/* Makes it so long, by zeros. */
static enum nhi_err extend(struct nhi_snapshot_writer *w, size_t len)
{
    enum nhi_err err = reserve(w, len);

    if (err != NHI_OK)
        return err;
    memset(w->image + w->len, 0, len - w->len);
    w->len = len;
    return NHI_OK;
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static enum nhi_err add(struct nhi_snapshot_writer *w, const struct nhi_account *a)
{
    const size_t at = w->len; /* of a record, as all are */
    struct made *more;
    enum nhi_err err;

    if (!nhi_account_is_valid(a, w->uid_min, w->uid_max) || a->uid <= w->last_uid)
        return NHI_ERR_ARG;
    if (at / NHI_SNAPSHOT_ALIGN > UINT32_MAX)
        return NHI_ERR_TOO_LONG;
    more = nhi_grow(w->made, &w->made_room, (size_t)w->count + 1, sizeof(*more));
    if (more == NULL)
        return NHI_ERR_NOMEM;
    w->made = more;
    err = reserve(w, at + NHI_SNAPSHOT_RECORD_MAX);
    if (err != NHI_OK)
        return err;
    w->len += nhi_account_encode(a, w->count, w->image + at);
    more[w->count].hash = nhi_snapshot_sum((const unsigned char *)a->name, strlen(a->name));
    more[w->count].ref = (uint32_t)(at / NHI_SNAPSHOT_ALIGN);
    more[w->count++].uid = a->uid;
    w->last_uid = a->uid;
    return NHI_OK;
}

enum nhi_err nhi_snapshot_add(struct nhi_snapshot_writer *w, const struct nhi_account *a)
{
    enum nhi_err err = add(w, a);

    if (err != NHI_OK && w->failed == NHI_OK)
        w->failed = err;
    return err;
}

/* ---- the tables ---- */

static const unsigned char *record_of(const struct nhi_snapshot_writer *w, uint32_t ref)
{
    return w->image + (size_t)ref * NHI_SNAPSHOT_ALIGN;
}

static const char *name_of(const unsigned char *record)
{
    return (const char *)record + NHI_SNAPSHOT_FIXED_LEN + 4 * nhi_snapshot_get16(record + NHI_SNAPSHOT_AT_GROUP_COUNT);
}

/* Fills the first free slot of the place. NHI_ERR_ARG: the name is taken. name NULL: a uid, of which each exists once.
 */
static enum nhi_err fill(const struct nhi_snapshot_writer *w, size_t table, struct nhi_snapshot_place place,
                         const char *name, uint32_t ref)
{
    for (uint32_t at = place.bucket;; at = at + 1 < w->buckets ? at + 1 : 0) {
        unsigned char *bucket = w->image + table + (size_t)at * NHI_SNAPSHOT_BUCKET_LEN;

        for (int i = 0; i < NHI_SNAPSHOT_SLOTS; i++) {
            unsigned char *slot = bucket + i * NHI_SNAPSHOT_SLOT_LEN;
            uint32_t other = nhi_snapshot_get32(slot + 4);

            if (other == 0) {
                nhi_snapshot_put(slot, place.tag, 4);
                nhi_snapshot_put(slot + 4, ref, 4);
                return NHI_OK;
            }
            if (name != NULL && nhi_snapshot_get32(slot) == place.tag &&
                strcmp(name_of(record_of(w, other)), name) == 0)
                return NHI_ERR_ARG;
        }
    }
}

#define AHEAD 16 /* records whose buckets are fetched while others are filled: most of the time is waiting for them */

static void fetch(const struct nhi_snapshot_writer *w, size_t table, struct nhi_snapshot_place place)
{
    __builtin_prefetch(w->image + table + (size_t)place.bucket * NHI_SNAPSHOT_BUCKET_LEN, 1);
}

/* One table after the other, so that the processor has to keep one at hand only. */
static enum nhi_err fill_tables(const struct nhi_snapshot_writer *w, size_t tables, size_t table_len)
{
    enum nhi_err err = NHI_OK;

    for (uint32_t i = 0; i < w->count && err == NHI_OK; i++) {
        const struct made *m = &w->made[i];

        if (i + AHEAD < w->count)
            fetch(w, tables, nhi_snapshot_place_hash(m[AHEAD].hash, w->buckets));
        err = fill(w, tables, nhi_snapshot_place_hash(m->hash, w->buckets), name_of(record_of(w, m->ref)), m->ref);
    }
    for (uint32_t i = 0; i < w->count && err == NHI_OK; i++) {
        const struct made *m = &w->made[i];

        if (i + AHEAD < w->count)
            fetch(w, tables + table_len, nhi_snapshot_place_uid(m[AHEAD].uid, w->buckets));
        err = fill(w, tables + table_len, nhi_snapshot_place_uid(m->uid, w->buckets), NULL, m->ref);
    }
    return err;
}

static void seal(const struct nhi_snapshot_writer *w, size_t table, uint32_t buckets)
{
    for (uint32_t i = 0; i < buckets; i++) {
        unsigned char *bucket = w->image + table + (size_t)i * NHI_SNAPSHOT_BUCKET_LEN;

        nhi_snapshot_put(bucket + NHI_SNAPSHOT_AT_BUCKET_SUM, nhi_snapshot_sum(bucket, NHI_SNAPSHOT_AT_BUCKET_SUM),
                         NHI_SNAPSHOT_SUM_LEN);
    }
}

static void header_write(const struct nhi_snapshot_writer *w, size_t tables, uint32_t buckets)
{
    unsigned char *h = w->image;

    memcpy(h, NHI_SNAPSHOT_MAGIC, NHI_SNAPSHOT_MAGIC_LEN);
    nhi_snapshot_put(h + NHI_SNAPSHOT_AT_VERSION, NHI_SNAPSHOT_VERSION, 4);
    nhi_snapshot_put(h + NHI_SNAPSHOT_AT_SIZE, w->len, 8);
    nhi_snapshot_put(h + NHI_SNAPSHOT_AT_TABLES, tables, 8);
    nhi_snapshot_put(h + NHI_SNAPSHOT_AT_UID_MIN, w->uid_min, 4);
    nhi_snapshot_put(h + NHI_SNAPSHOT_AT_UID_MAX, w->uid_max, 4);
    nhi_snapshot_put(h + NHI_SNAPSHOT_AT_COUNT, w->count, 4);
    nhi_snapshot_put(h + NHI_SNAPSHOT_AT_BUCKETS, buckets, 4);
    nhi_snapshot_put(h + NHI_SNAPSHOT_AT_STAMP, w->stamp, 8);
    nhi_snapshot_put(h + NHI_SNAPSHOT_AT_HEADER_SUM, nhi_snapshot_sum(h, NHI_SNAPSHOT_AT_HEADER_SUM),
                     NHI_SNAPSHOT_SUM_LEN);
}

/* A tail of zeros, for changes. One that is short enough is rather made anew each time. */
static enum nhi_err add_tail(struct nhi_snapshot_writer *w)
{
    if (w->len < (size_t)NHI_SNAPSHOT_TAIL_SHARE * NHI_SNAPSHOT_TAIL_LEN)
        return NHI_OK;
    return extend(w, round_up(w->len, NHI_SNAPSHOT_BUCKET_LEN) + NHI_SNAPSHOT_TAIL_LEN);
}

static enum nhi_err complete(struct nhi_snapshot_writer *w)
{
    size_t tables = round_up(w->len, NHI_SNAPSHOT_BUCKET_LEN);
    uint32_t buckets = w->count / NHI_SNAPSHOT_PER_BUCKET + 1;
    size_t table_len = (size_t)buckets * NHI_SNAPSHOT_BUCKET_LEN, index = tables + 2 * table_len;
    enum nhi_err err = w->failed;

    w->buckets = buckets;
    if (err == NHI_OK)
        err = extend(w, index + (size_t)w->count * NHI_SNAPSHOT_REF_LEN);
    for (uint32_t i = 0; i < w->count && err == NHI_OK; i++)
        nhi_snapshot_put(w->image + index + (size_t)i * NHI_SNAPSHOT_REF_LEN, w->made[i].ref, NHI_SNAPSHOT_REF_LEN);
    if (err == NHI_OK)
        err = fill_tables(w, tables, table_len);
    if (err == NHI_OK)
        err = add_tail(w);
    if (err != NHI_OK)
        return err;
    seal(w, tables, 2 * buckets);
    header_write(w, tables, buckets);
    return NHI_OK;
}

/* ---- files ---- */

enum nhi_err nhi_snapshot_commit(struct nhi_snapshot_writer *w, const char *path)
{
    enum nhi_err err = complete(w);

    if (err == NHI_OK)
        err = nhi_snapshot_copy_durable(path, w->image, w->len);
    nhi_snapshot_abort(w);
    return err;
}

enum nhi_err nhi_snapshot_publish(struct nhi_snapshot_writer *w)
{
    enum nhi_err err = complete(w);

    if (err == NHI_OK)
        err = nhi_snapshot_copy_durable(NHI_SNAPSHOT_PATH, w->image, w->len);
    if (err == NHI_OK)
        err = nhi_snapshot_copy_quick(w->image, w->len);
    nhi_snapshot_abort(w);
    return err;
}

void nhi_snapshot_abort(struct nhi_snapshot_writer *w)
{
    int saved = errno;

    if (w == NULL)
        return;
    free(w->image);
    free(w->made);
    free(w);
    errno = saved;
}
