/* SPDX-License-Identifier: ISC */
/*
 * Reading the snapshot.
 *
 * MUST hold: runs in any process, so no allocation, lock, locale, environment, log or state; every number from the file
 * is compared with the file's size before it is used; nothing is returned that was not asked for. Of the tail, a word
 * that its writer may be storing is read once.
 *
 * Opening, one look-up and closing take six system calls; a look-up in a mapping takes none. nss_nhi keeps
 * a mapping (nss_nhi/kept.c); the others ask once in a while.
 */
#include "libnhi/snapshot/snapshot_read.h"

#include "libnhi/snapshot/snapshot_account.h"
#include "libnhi/snapshot/snapshot_format.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- bytes ---- */

static enum nhi_err read_at(int fd, unsigned char *buf, size_t len, uint64_t pos)
{
    while (len > 0) {
        ssize_t n = pread(fd, buf, len, (off_t)pos);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return NHI_ERR_SYS;
        if (n == 0)
            return NHI_ERR_CORRUPT; /* it was cut short after fstat */
        buf += n;
        len -= (size_t)n;
        pos += (uint64_t)n;
    }
    return NHI_OK;
}

/* Bytes of the file, which the caller knows to be within it: in the mapping, or read to buf. */
static enum nhi_err take(const struct nhi_snapshot *s, uint64_t pos, size_t len, unsigned char *buf,
                         const unsigned char **out)
{
    *out = s->map != NULL ? s->map + pos : buf;
    return s->map != NULL ? NHI_OK : read_at(s->fd, buf, len, pos);
}

/* ---- opening ---- */

static uint64_t round_up(uint64_t n)
{
    return (n + NHI_SNAPSHOT_BUCKET_LEN - 1) / NHI_SNAPSHOT_BUCKET_LEN * NHI_SNAPSHOT_BUCKET_LEN;
}

/* Whether these numbers fit each other and the size of the file, with or without a tail. */
static bool geometry_is_valid(struct nhi_snapshot *s)
{
    uint64_t len = 2 * (uint64_t)s->buckets * NHI_SNAPSHOT_BUCKET_LEN + (uint64_t)s->count * NHI_SNAPSHOT_REF_LEN;

    if (!nhi_range_is_valid(s->uid_min, s->uid_max) || s->count > s->uid_max - s->uid_min || s->buckets == 0 ||
        s->tables < NHI_SNAPSHOT_HEADER_LEN || s->tables % NHI_SNAPSHOT_BUCKET_LEN != 0 || s->tables > s->size)
        return false;
    s->tail = s->size - s->tables == round_up(len) + NHI_SNAPSHOT_TAIL_LEN ? s->size - NHI_SNAPSHOT_TAIL_LEN : 0;
    return s->tail != 0 || s->size - s->tables == len;
}

static enum nhi_err header_read(struct nhi_snapshot *s)
{
    unsigned char h[NHI_SNAPSHOT_HEADER_LEN];
    enum nhi_err err = read_at(s->fd, h, sizeof(h), 0);

    if (err != NHI_OK)
        return err;
    if (memcmp(h, NHI_SNAPSHOT_MAGIC, NHI_SNAPSHOT_MAGIC_LEN) != 0)
        return NHI_ERR_CORRUPT;
    if (nhi_snapshot_get32(h + NHI_SNAPSHOT_AT_VERSION) > NHI_SNAPSHOT_VERSION)
        return NHI_ERR_VERSION;
    s->replaced = nhi_snapshot_get32(h + NHI_SNAPSHOT_AT_REPLACED) != 0;
    nhi_snapshot_put(h + NHI_SNAPSHOT_AT_REPLACED, 0, 4);
    s->tables = nhi_snapshot_get64(h + NHI_SNAPSHOT_AT_TABLES);
    s->uid_min = nhi_snapshot_get32(h + NHI_SNAPSHOT_AT_UID_MIN);
    s->uid_max = nhi_snapshot_get32(h + NHI_SNAPSHOT_AT_UID_MAX);
    s->count = nhi_snapshot_get32(h + NHI_SNAPSHOT_AT_COUNT);
    s->buckets = nhi_snapshot_get32(h + NHI_SNAPSHOT_AT_BUCKETS);
    if (nhi_snapshot_get32(h + NHI_SNAPSHOT_AT_VERSION) != NHI_SNAPSHOT_VERSION ||
        nhi_snapshot_get64(h + NHI_SNAPSHOT_AT_HEADER_SUM) != nhi_snapshot_sum(h, NHI_SNAPSHOT_AT_HEADER_SUM) ||
        nhi_snapshot_get64(h + NHI_SNAPSHOT_AT_SIZE) != s->size || !geometry_is_valid(s))
        return NHI_ERR_CORRUPT;
    return NHI_OK;
}

enum nhi_err nhi_snapshot_open(const char *path, struct nhi_snapshot *out)
{
    struct nhi_snapshot s = { .fd = -1 };
    enum nhi_err err;
    struct stat st;

    /* O_NONBLOCK: a FIFO in its place must not hang the host. */
    do
        s.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    while (s.fd < 0 && errno == EINTR);
    if (s.fd < 0) {
        err = errno == ELOOP ? NHI_ERR_UNSAFE : NHI_ERR_SYS;
        goto out;
    }
    err = NHI_ERR_SYS;
    if (fstat(s.fd, &st) != 0)
        goto out;
    err = NHI_ERR_UNSAFE;
    if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        goto out;
    s.size = (uint64_t)st.st_size;
    s.dev = st.st_dev;
    s.ino = st.st_ino;
    err = header_read(&s);
    if (err == NHI_OK) {
        *out = s;
        s.fd = -1;
    }
out:
    nhi_snapshot_close(&s);
    return err;
}

enum nhi_err nhi_snapshot_open_published(struct nhi_snapshot *out)
{
    enum nhi_err err = nhi_snapshot_open(NHI_SNAPSHOT_QUICK, out);

    return err == NHI_ERR_SYS && errno == ENOENT ? nhi_snapshot_open(NHI_SNAPSHOT_PATH, out) : err;
}

void nhi_snapshot_close(struct nhi_snapshot *s)
{
    union {
        const unsigned char *in;
        void *out;
    } map;
    int saved = errno;

    if (s == NULL)
        return;
    map.in = s->map;
    if (map.in != NULL)
        (void)munmap(map.out, s->size);
    if (s->fd >= 0)
        close(s->fd);
    s->map = NULL;
    s->fd = -1;
    errno = saved;
}

bool nhi_snapshot_map(struct nhi_snapshot *s)
{
    int saved = errno;
    struct statfs fs;
    void *map = MAP_FAILED;

    if (!s->replaced && s->size <= SIZE_MAX && fstatfs(s->fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC)
        map = mmap(NULL, (size_t)s->size, PROT_READ, MAP_SHARED, s->fd, 0);
    if (map != MAP_FAILED) {
        close(s->fd);
        s->fd = -1;
        s->map = map;
    }
    errno = saved;
    return map != MAP_FAILED;
}

bool nhi_snapshot_is_replaced(const struct nhi_snapshot *s)
{
    const void *word = s->map + NHI_SNAPSHOT_AT_REPLACED;

    return __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE) != 0;
}

/* ---- look-ups ---- */

/* The record at pos, which ends before end. */
static enum nhi_err record_at(const struct nhi_snapshot *s, uint64_t pos, uint64_t end, struct nhi_snapshot_record *r)
{
    const unsigned char *at;
    enum nhi_err err;
    size_t have;

    if (pos > end || end - pos < NHI_SNAPSHOT_FIXED_LEN)
        return NHI_ERR_CORRUPT;
    have = end - pos < sizeof(r->buf) ? (size_t)(end - pos) : sizeof(r->buf);
    err = take(s, pos, have, r->buf, &at);
    return err == NHI_OK ? nhi_account_decode(at, have, s->uid_min, s->uid_max, r) : err;
}

static enum nhi_err record_read(const struct nhi_snapshot *s, uint32_t ref, struct nhi_snapshot_record *r)
{
    const uint64_t pos = (uint64_t)ref * NHI_SNAPSHOT_ALIGN;

    return pos < NHI_SNAPSHOT_HEADER_LEN ? NHI_ERR_CORRUPT : record_at(s, pos, s->tables, r);
}

/* The account with that name, or with that uid if name is NULL. */
struct question {
    uint64_t table;
    struct nhi_snapshot_place place;
    const char *name;
    size_t len; /* of name, with the NUL */
    uint32_t uid;
};

/* NHI_ERR_NOT_FOUND: another account with that tag. Uids are their own tags. */
static enum nhi_err is_answer(const struct question *q, const struct nhi_snapshot_record *r)
{
    if (q->name == NULL)
        return r->uid == q->uid ? NHI_OK : NHI_ERR_CORRUPT;
    return (size_t)(r->gecos - r->name) == q->len && memcmp(r->name, q->name, q->len) == 0 ? NHI_OK : NHI_ERR_NOT_FOUND;
}

static enum nhi_err find_in_tables(const struct nhi_snapshot *s, const struct question *q,
                                   struct nhi_snapshot_record *r)
{
    unsigned char buf[NHI_SNAPSHOT_BUCKET_LEN];
    const unsigned char *bucket;
    uint32_t at = q->place.bucket;

    for (uint32_t i = 0; i < s->buckets; i++) {
        enum nhi_err err =
            take(s, q->table + (uint64_t)at * NHI_SNAPSHOT_BUCKET_LEN, NHI_SNAPSHOT_BUCKET_LEN, buf, &bucket);

        if (err != NHI_OK)
            return err;
        if (nhi_snapshot_get64(bucket + NHI_SNAPSHOT_AT_BUCKET_SUM) !=
            nhi_snapshot_sum(bucket, NHI_SNAPSHOT_AT_BUCKET_SUM))
            return NHI_ERR_CORRUPT;
        for (int j = 0; j < NHI_SNAPSHOT_SLOTS; j++) {
            const unsigned char *slot = bucket + j * NHI_SNAPSHOT_SLOT_LEN;
            uint32_t ref = nhi_snapshot_get32(slot + 4);

            if (ref == 0)
                return NHI_ERR_NOT_FOUND;
            if (nhi_snapshot_get32(slot) != q->place.tag)
                continue;
            err = record_read(s, ref, r);
            if (err == NHI_OK)
                err = is_answer(q, r);
            if (err != NHI_ERR_NOT_FOUND)
                return err;
        }
        at = at + 1 < s->buckets ? at + 1 : 0; /* this one is full */
    }
    return NHI_ERR_NOT_FOUND;
}

/* ---- the tail ---- */

/* A number that its writer stores at once. */
static enum nhi_err word_at(const struct nhi_snapshot *s, uint64_t pos, uint64_t *word)
{
    unsigned char buf[sizeof(*word)];
    enum nhi_err err;

    if (s->map != NULL) {
        const void *at = s->map + pos;

        *word = le64toh(__atomic_load_n((const uint64_t *)at, __ATOMIC_ACQUIRE));
        return NHI_OK;
    }
    err = read_at(s->fd, buf, sizeof(buf), pos);
    *word = nhi_snapshot_get64(buf);
    return err;
}

/* NHI_ERR_NOT_FOUND: there is none, or its writer has not finished it. */
static enum nhi_err entry_at(const struct nhi_snapshot *s, uint64_t pos, struct nhi_snapshot_record *r)
{
    uint64_t stamp;
    enum nhi_err err;

    if (pos > s->size || s->size - pos < NHI_SNAPSHOT_ENTRY_AT_RECORD + NHI_SNAPSHOT_FIXED_LEN)
        return NHI_ERR_NOT_FOUND;
    err = word_at(s, pos, &stamp);
    if (err == NHI_OK && stamp == 0)
        err = NHI_ERR_NOT_FOUND;
    return err == NHI_OK ? record_at(s, pos + NHI_SNAPSHOT_ENTRY_AT_RECORD, s->size, r) : err;
}

/* Of several entries the last one counts. */
static enum nhi_err try_tail(const struct nhi_snapshot *s, const struct question *q, struct nhi_snapshot_record *r)
{
    const uint64_t table = s->tail + (q->name == NULL ? NHI_SNAPSHOT_TAIL_AT_UIDS : 0);
    uint32_t at = nhi_snapshot_tail_place(q->place.tag);
    uint64_t slot, newest = 0, last = 0;
    enum nhi_err err;

    for (uint32_t i = 0; i < NHI_SNAPSHOT_TAIL_SLOTS; i++, at = (at + 1) % NHI_SNAPSHOT_TAIL_SLOTS) {
        err = word_at(s, table + (uint64_t)at * NHI_SNAPSHOT_SLOT_LEN, &slot);
        if (err != NHI_OK || slot == 0)
            break;
        if (slot != nhi_snapshot_tail_slot((uint32_t)slot, (uint32_t)(slot >> 32) & UINT16_MAX)) {
            err = NHI_ERR_CORRUPT;
            break;
        }
        if ((uint32_t)slot != q->place.tag)
            continue;
        last = s->tail + NHI_SNAPSHOT_TAIL_AT_ENTRIES + ((slot >> 32 & UINT16_MAX) - 1) * NHI_SNAPSHOT_ALIGN;
        err = entry_at(s, last, r);
        if (err == NHI_OK)
            err = is_answer(q, r);
        if (err == NHI_OK)
            newest = last;
        else if (err != NHI_ERR_NOT_FOUND)
            break;
        err = NHI_OK;
    }
    if (err != NHI_OK)
        return err;
    if (newest == 0)
        return NHI_ERR_NOT_FOUND;
    return newest == last ? NHI_OK : entry_at(s, newest, r);
}

/* A file that is not mapped may be read while a number is stored: such a number is read again. */
static enum nhi_err find_in_tail(const struct nhi_snapshot *s, const struct question *q, struct nhi_snapshot_record *r)
{
    enum nhi_err err = s->tail != 0 ? try_tail(s, q, r) : NHI_ERR_NOT_FOUND;

    for (int again = 0; err == NHI_ERR_CORRUPT && s->map == NULL && again < 3; again++)
        err = try_tail(s, q, r);
    return err;
}

static enum nhi_err find(const struct nhi_snapshot *s, const struct question *q, struct nhi_snapshot_record *r)
{
    enum nhi_err err = find_in_tail(s, q, r);

    return err == NHI_ERR_NOT_FOUND ? find_in_tables(s, q, r) : err;
}

/* An account that the tail adds: its entries are few, and only enumerations ask for it. */
static enum nhi_err walk_tail(const struct nhi_snapshot *s, uint32_t index, struct nhi_snapshot_record *r)
{
    uint64_t pos = s->tail + NHI_SNAPSHOT_TAIL_AT_ENTRIES, newest = 0;
    enum nhi_err err = NHI_OK;

    while (s->tail != 0 && (err = entry_at(s, pos, r)) == NHI_OK) {
        if (r->index == index)
            newest = pos;
        pos += NHI_SNAPSHOT_ENTRY_AT_RECORD +
               nhi_snapshot_align(NHI_SNAPSHOT_FIXED_LEN + 4 * (size_t)r->group_count + r->text_len);
    }
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return err;
    return newest != 0 ? entry_at(s, newest, r) : NHI_ERR_NOT_FOUND;
}

/* ---- questions ---- */

enum nhi_err nhi_snapshot_record_by_name(const struct nhi_snapshot *s, const char *name, struct nhi_snapshot_record *r)
{
    struct question q = { .table = s->tables, .name = name, .len = strlen(name) + 1 };

    q.place = nhi_snapshot_place_name(name, q.len - 1, s->buckets);
    return find(s, &q, r);
}

static struct question question_of_uid(const struct nhi_snapshot *s, uint32_t uid)
{
    const struct question q = { .table = s->tables + (uint64_t)s->buckets * NHI_SNAPSHOT_BUCKET_LEN,
                                .place = nhi_snapshot_place_uid(uid, s->buckets),
                                .uid = uid };

    return q;
}

enum nhi_err nhi_snapshot_record_by_uid(const struct nhi_snapshot *s, uint32_t uid, struct nhi_snapshot_record *r)
{
    struct question q;

    if (!nhi_id_is_ours(uid) || uid <= s->uid_min || uid > s->uid_max)
        return NHI_ERR_NOT_FOUND;
    q = question_of_uid(s, uid);
    return find(s, &q, r);
}

static enum nhi_err indexed(const struct nhi_snapshot *s, uint32_t index, struct nhi_snapshot_record *r)
{
    const uint64_t at =
        s->tables + 2 * (uint64_t)s->buckets * NHI_SNAPSHOT_BUCKET_LEN + (uint64_t)index * NHI_SNAPSHOT_REF_LEN;
    unsigned char buf[NHI_SNAPSHOT_REF_LEN];
    const unsigned char *ref;
    enum nhi_err err = take(s, at, NHI_SNAPSHOT_REF_LEN, buf, &ref);

    if (err == NHI_OK)
        err = record_read(s, nhi_snapshot_get32(ref), r);
    return err == NHI_OK && r->index != index ? NHI_ERR_CORRUPT : err;
}

enum nhi_err nhi_snapshot_record_by_index(const struct nhi_snapshot *s, uint32_t index, struct nhi_snapshot_record *r)
{
    struct question q;
    enum nhi_err err;

    if (index >= s->count)
        return walk_tail(s, index, r);
    err = indexed(s, index, r);
    if (err != NHI_OK || s->tail == 0)
        return err;
    q = question_of_uid(s, r->uid);
    err = find_in_tail(s, &q, r);
    return err == NHI_ERR_NOT_FOUND ? indexed(s, index, r) : err;
}

enum nhi_err nhi_snapshot_by_name(const struct nhi_snapshot *s, const char *name, struct nhi_account *out)
{
    struct nhi_snapshot_record r;
    enum nhi_err err = NHI_ERR_NOT_FOUND;

    if (nhi_name_is_agent(name))
        err = nhi_snapshot_record_by_name(s, name, &r);
    if (err == NHI_OK)
        nhi_account_of_record(&r, out);
    return err;
}

enum nhi_err nhi_snapshot_by_uid(const struct nhi_snapshot *s, uint32_t uid, struct nhi_account *out)
{
    struct nhi_snapshot_record r;
    enum nhi_err err = nhi_snapshot_record_by_uid(s, uid, &r);

    if (err == NHI_OK)
        nhi_account_of_record(&r, out);
    return err;
}

enum nhi_err nhi_snapshot_by_index(const struct nhi_snapshot *s, uint32_t index, struct nhi_account *out)
{
    struct nhi_snapshot_record r;
    enum nhi_err err = nhi_snapshot_record_by_index(s, index, &r);

    if (err == NHI_OK)
        nhi_account_of_record(&r, out);
    return err;
}

bool nhi_snapshot_range_has(uint32_t uid)
{
    struct nhi_snapshot s;
    bool has;

    if (nhi_snapshot_open_published(&s) != NHI_OK)
        return false;
    has = uid > s.uid_min && uid <= s.uid_max;
    nhi_snapshot_close(&s);
    return has;
}

enum nhi_err nhi_snapshot_uid_of(const char *name, uint32_t *uid)
{
    struct nhi_snapshot s;
    struct nhi_account a;
    enum nhi_err err = nhi_snapshot_open_published(&s);

    if (err != NHI_OK)
        return err;
    err = nhi_snapshot_by_name(&s, name, &a);
    if (err == NHI_OK)
        *uid = a.uid;
    nhi_snapshot_close(&s);
    return err;
}
