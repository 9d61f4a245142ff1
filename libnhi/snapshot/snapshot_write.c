/* SPDX-License-Identifier: ISC */
/*
 * Writing the snapshot: the whole file is made in memory, then written.
 *
 * MUST hold: readers see the whole old file or the whole new one; on any failure before the rename the old file stays
 * and the new one is removed. No file is shortened or written to after it got its name, but for the one word that says
 * that it was replaced, which is set before the new file gets the name. Time and memory are linear in the number of
 * accounts.
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

struct nhi_snapshot_writer {
    unsigned char *image; /* the header, then the records, then the tables */
    size_t len, room;
    uint32_t *refs; /* of the records, in their order */
    size_t refs_room;
    enum nhi_err failed;
    uint32_t uid_min, uid_max, last_uid, count;
    uint32_t buckets; /* of one table, once that is known */
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

/* Makes the image longer, by zeros. */
static enum nhi_err extend(struct nhi_snapshot_writer *w, size_t len)
{
    unsigned char *grown = nhi_grow(w->image, &w->room, len, 1);

    if (grown == NULL)
        return NHI_ERR_NOMEM;
    if (w->image == NULL)
        memset(grown, 0, w->len);
    memset(grown + w->len, 0, len - w->len);
    w->image = grown;
    w->len = len;
    return NHI_OK;
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static enum nhi_err add(struct nhi_snapshot_writer *w, const struct nhi_account *a)
{
    unsigned char record[NHI_SNAPSHOT_RECORD_MAX];
    size_t at = round_up(w->len, NHI_SNAPSHOT_ALIGN), len;
    enum nhi_err err;
    uint32_t *more;

    if (!nhi_account_is_valid(a, w->uid_min, w->uid_max) || a->uid <= w->last_uid)
        return NHI_ERR_ARG;
    if (at / NHI_SNAPSHOT_ALIGN > UINT32_MAX)
        return NHI_ERR_TOO_LONG;
    more = nhi_grow(w->refs, &w->refs_room, (size_t)w->count + 1, sizeof(*more));
    if (more == NULL)
        return NHI_ERR_NOMEM;
    w->refs = more;
    len = nhi_account_encode(a, w->count, record);
    err = extend(w, at + len);
    if (err != NHI_OK)
        return err;
    memcpy(w->image + at, record, len);
    w->refs[w->count++] = (uint32_t)(at / NHI_SNAPSHOT_ALIGN);
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
    nhi_snapshot_put(h + NHI_SNAPSHOT_AT_HEADER_SUM, nhi_snapshot_sum(h, NHI_SNAPSHOT_AT_HEADER_SUM),
                     NHI_SNAPSHOT_SUM_LEN);
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
    for (uint32_t i = 0; i < w->count && err == NHI_OK; i++) {
        const unsigned char *record = record_of(w, w->refs[i]);
        const char *name = name_of(record);
        uint32_t uid = nhi_snapshot_get32(record + NHI_SNAPSHOT_AT_UID);

        nhi_snapshot_put(w->image + index + (size_t)i * NHI_SNAPSHOT_REF_LEN, w->refs[i], NHI_SNAPSHOT_REF_LEN);
        err = fill(w, tables, nhi_snapshot_place_name(name, buckets), name, w->refs[i]);
        if (err == NHI_OK)
            err = fill(w, tables + table_len, nhi_snapshot_place_uid(uid, buckets), NULL, w->refs[i]);
    }
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
    free(w->refs);
    free(w);
    errno = saved;
}
