/* SPDX-License-Identifier: ISC */
/*
 * Reading the snapshot.
 *
 * MUST hold: runs in any process, so no allocation, lock, locale, environment, log or state; every number from the file
 * is compared with the file's size before it is used; nothing is returned that was not asked for.
 *
 * Why pread by descriptor: a look-up among 100,000 accounts took 2.8 us, open and close included; with tinycdb's
 * cdb_seek 3.8, with its mapping made for each call 17, with a mapping kept between calls 0.3. But a file cut short
 * under a mapping is SIGBUS in the host, and keeping one is state across fork and exec. cdb_seek also trusts the
 * lengths it reads; tinycdb's writer and hash are still used.
 */
#include "libnhi/snapshot/snapshot_read.h"

#include "libnhi/snapshot/snapshot_account.h"
#include "libnhi/snapshot/snapshot_format.h"

#include <cdb.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT_LEN 8
#define SLOTS_AT_ONCE 8

struct record {
    uint32_t value_pos;
    uint32_t value_len; /* without the check sum */
    const unsigned char *value;
    unsigned char buf[NHI_SNAPSHOT_RECORD_MAX];
};

static enum nhi_err read_at(int fd, void *buf, size_t len, uint32_t pos)
{
    unsigned char *at = buf;
    off_t from = pos;

    while (len > 0) {
        ssize_t n = pread(fd, at, len, from);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return NHI_ERR_SYS;
        if (n == 0)
            return NHI_ERR_CORRUPT; /* it was cut short after fstat */
        at += n;
        len -= (size_t)n;
        from += n;
    }
    return NHI_OK;
}

/* Reads the record at pos. NHI_ERR_NOT_FOUND: another key. */
static enum nhi_err record_read(const struct nhi_snapshot *s, uint32_t pos, const char *key, uint32_t key_len,
                                struct record *r)
{
    enum nhi_err err;
    uint32_t len, have;

    if (pos < NHI_SNAPSHOT_TOC_LEN || pos > s->size || s->size - pos < NHI_SNAPSHOT_LENGTHS_LEN + key_len)
        return NHI_ERR_CORRUPT;
    have = s->size - pos < sizeof(r->buf) ? s->size - pos : (uint32_t)sizeof(r->buf);
    err = read_at(s->fd, r->buf, have, pos);
    if (err != NHI_OK)
        return err;
    if (cdb_unpack(r->buf) != key_len || memcmp(r->buf + NHI_SNAPSHOT_LENGTHS_LEN, key, key_len) != 0)
        return NHI_ERR_NOT_FOUND;
    len = cdb_unpack(r->buf + 4);
    r->value_pos = pos + NHI_SNAPSHOT_LENGTHS_LEN + key_len;
    if (len < NHI_SNAPSHOT_CHECK_LEN || len > s->size - r->value_pos)
        return NHI_ERR_CORRUPT;
    r->value_len = len - NHI_SNAPSHOT_CHECK_LEN;
    r->value = NULL;
    if (len > have - NHI_SNAPSHOT_LENGTHS_LEN - key_len)
        return NHI_OK; /* too long for an account: the caller refuses it, or reads on */
    r->value = r->buf + NHI_SNAPSHOT_LENGTHS_LEN + key_len;
    if (cdb_unpack(r->value + r->value_len) != cdb_hash(r->value, r->value_len))
        return NHI_ERR_CORRUPT;
    return NHI_OK;
}

static enum nhi_err record_find(const struct nhi_snapshot *s, const char *key, struct record *r)
{
    unsigned char raw[SLOTS_AT_ONCE * SLOT_LEN];
    uint32_t key_len = (uint32_t)strlen(key), hash = cdb_hash(key, key_len);
    uint32_t table, slots, slot, left, batch;
    enum nhi_err err;

    err = read_at(s->fd, raw, SLOT_LEN, (hash & 0xff) * SLOT_LEN);
    if (err != NHI_OK)
        return err;
    table = cdb_unpack(raw);
    slots = cdb_unpack(raw + 4);
    if (table < NHI_SNAPSHOT_TOC_LEN || table > s->size || slots > (s->size - table) / SLOT_LEN)
        return NHI_ERR_CORRUPT;
    slot = slots > 0 ? (hash >> 8) % slots : 0;
    for (left = slots; left > 0; left -= batch) {
        batch = slots - slot < left ? slots - slot : left;
        batch = batch < SLOTS_AT_ONCE ? batch : SLOTS_AT_ONCE;
        err = read_at(s->fd, raw, (size_t)batch * SLOT_LEN, table + slot * SLOT_LEN);
        for (uint32_t i = 0; err == NHI_OK && i < batch; i++) {
            uint32_t pos = cdb_unpack(raw + i * SLOT_LEN + 4);

            if (pos == 0)
                return NHI_ERR_NOT_FOUND;
            if (cdb_unpack(raw + i * SLOT_LEN) != hash)
                continue;
            err = record_read(s, pos, key, key_len, r);
            if (err != NHI_ERR_NOT_FOUND)
                return err;
            err = NHI_OK;
        }
        if (err != NHI_OK)
            return err;
        slot = slot + batch < slots ? slot + batch : 0;
    }
    return NHI_ERR_NOT_FOUND;
}

static enum nhi_err account_take(const struct nhi_snapshot *s, const struct record *r, struct nhi_account *a)
{
    if (r->value == NULL)
        return NHI_ERR_CORRUPT;
    return nhi_account_decode(r->value, r->value_len, s->uid_min, s->uid_max, a);
}

static enum nhi_err header_read(struct nhi_snapshot *s)
{
    const unsigned char *v;
    struct record r;
    enum nhi_err err;

    err = record_read(s, NHI_SNAPSHOT_TOC_LEN, NHI_SNAPSHOT_HEADER_KEY, sizeof(NHI_SNAPSHOT_HEADER_KEY) - 1, &r);
    if (err != NHI_OK)
        return err == NHI_ERR_NOT_FOUND ? NHI_ERR_CORRUPT : err;
    v = r.value;
    if (v == NULL || r.value_len < NHI_SNAPSHOT_MAGIC_LEN + 4 ||
        memcmp(v, NHI_SNAPSHOT_MAGIC, NHI_SNAPSHOT_MAGIC_LEN) != 0)
        return NHI_ERR_CORRUPT;
    v += NHI_SNAPSHOT_MAGIC_LEN;
    if (cdb_unpack(v) > NHI_SNAPSHOT_VERSION)
        return NHI_ERR_VERSION;
    if (cdb_unpack(v) != NHI_SNAPSHOT_VERSION || r.value_len != NHI_SNAPSHOT_HEADER_LEN - NHI_SNAPSHOT_CHECK_LEN)
        return NHI_ERR_CORRUPT;
    s->uid_min = cdb_unpack(v + 4);
    s->uid_max = cdb_unpack(v + 8);
    s->count = cdb_unpack(v + 12);
    s->members_len = cdb_unpack(v + 16);
    if (!nhi_range_is_valid(s->uid_min, s->uid_max) || s->count > s->uid_max - s->uid_min ||
        cdb_unpack(v + 20) != s->size || s->members_len > s->size || s->members_len / 2 < s->count ||
        s->members_len > (uint64_t)s->count * (NHI_AGENT_MAX + 1))
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
    err = NHI_ERR_CORRUPT;
    if (st.st_size < NHI_SNAPSHOT_TOC_LEN || st.st_size > UINT32_MAX)
        goto out;
    s.size = (uint32_t)st.st_size;
    err = header_read(&s);
    if (err == NHI_OK) {
        *out = s;
        s.fd = -1;
    }
out:
    nhi_snapshot_close(&s);
    return err;
}

bool nhi_snapshot_range_has(const char *path, uint32_t uid)
{
    struct nhi_snapshot s;
    bool has;

    if (nhi_snapshot_open(path, &s) != NHI_OK)
        return false;
    has = uid > s.uid_min && uid <= s.uid_max;
    nhi_snapshot_close(&s);
    return has;
}

enum nhi_err nhi_snapshot_uid_of(const char *path, const char *name, uint32_t *uid)
{
    struct nhi_snapshot s;
    struct nhi_account a;
    enum nhi_err err = nhi_snapshot_open(path, &s);

    if (err != NHI_OK)
        return err;
    err = nhi_snapshot_by_name(&s, name, &a);
    if (err == NHI_OK)
        *uid = a.uid;
    nhi_snapshot_close(&s);
    return err;
}

void nhi_snapshot_close(struct nhi_snapshot *s)
{
    int saved = errno;

    if (s == NULL || s->fd < 0)
        return;
    close(s->fd);
    s->fd = -1;
    errno = saved;
}

enum nhi_err nhi_snapshot_by_name(const struct nhi_snapshot *s, const char *name, struct nhi_account *out)
{
    char key[NHI_SNAPSHOT_KEY_MAX + 1] = "n";
    struct nhi_account a;
    struct record r;
    enum nhi_err err;

    if (!nhi_name_is_agent(name) || strcmp(name, NHI_AGENTS_GROUP) == 0)
        return NHI_ERR_NOT_FOUND;
    memcpy(key + 1, name, strlen(name) + 1);
    err = record_find(s, key, &r);
    if (err == NHI_OK)
        err = account_take(s, &r, &a);
    if (err == NHI_OK && strcmp(a.name, name) != 0)
        err = NHI_ERR_CORRUPT;
    if (err == NHI_OK)
        *out = a;
    return err;
}

enum nhi_err nhi_snapshot_by_uid(const struct nhi_snapshot *s, uint32_t uid, struct nhi_account *out)
{
    char key[NHI_SNAPSHOT_KEY_MAX + 1];
    struct nhi_account a;
    struct record r;
    enum nhi_err err;

    if (!nhi_id_is_ours(uid) || uid <= s->uid_min || uid > s->uid_max)
        return NHI_ERR_NOT_FOUND;
    nhi_snapshot_key('u', uid, key);
    err = record_find(s, key, &r);
    if (err == NHI_OK)
        err = account_take(s, &r, &a);
    if (err == NHI_OK && a.uid != uid)
        err = NHI_ERR_CORRUPT;
    if (err == NHI_OK)
        *out = a;
    return err;
}

/* What the file promises must exist: a miss after a valid header means a torn file. */
static enum nhi_err must_be_there(enum nhi_err err)
{
    return err == NHI_ERR_NOT_FOUND ? NHI_ERR_CORRUPT : err;
}

enum nhi_err nhi_snapshot_by_index(const struct nhi_snapshot *s, uint32_t index, struct nhi_account *out)
{
    char key[NHI_SNAPSHOT_KEY_MAX + 1];
    struct record r;
    enum nhi_err err;

    if (index >= s->count)
        return NHI_ERR_NOT_FOUND;
    nhi_snapshot_key('i', index, key);
    err = must_be_there(record_find(s, key, &r));
    if (err != NHI_OK)
        return err;
    if (r.value == NULL || r.value_len != 8 || cdb_unpack(r.value) != index)
        return NHI_ERR_CORRUPT;
    return must_be_there(nhi_snapshot_by_uid(s, cdb_unpack(r.value + 4), out));
}

enum nhi_err nhi_snapshot_members(const struct nhi_snapshot *s, char *names)
{
    unsigned char check[NHI_SNAPSHOT_CHECK_LEN];
    uint32_t at, count;
    struct record r;
    enum nhi_err err;

    err = must_be_there(record_find(s, "m", &r));
    if (err == NHI_OK && r.value_len != s->members_len)
        err = NHI_ERR_CORRUPT;
    if (err == NHI_OK)
        err = read_at(s->fd, names, s->members_len, r.value_pos);
    if (err == NHI_OK)
        err = read_at(s->fd, check, sizeof(check), r.value_pos + s->members_len);
    if (err != NHI_OK)
        return err;
    if (cdb_unpack(check) != cdb_hash(names, s->members_len) ||
        (s->members_len > 0 && names[s->members_len - 1] != '\0'))
        return NHI_ERR_CORRUPT;
    for (at = 0, count = 0; at < s->members_len; count++) {
        if (!nhi_name_is_agent(names + at))
            return NHI_ERR_CORRUPT;
        at += (uint32_t)strlen(names + at) + 1;
    }
    return count == s->count ? NHI_OK : NHI_ERR_CORRUPT;
}
