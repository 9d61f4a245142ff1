/* SPDX-License-Identifier: ISC */
/*
 * Changing single accounts of what is published.
 *
 * MUST hold: only zeros in the tail are written over, and the stamp of an entry last, as one number: until then no
 * reader takes the entry for one. On the disk everything else is there before the stamp is. The durable copy has a
 * change before the one on the tmpfs. Whatever a killed writer left makes the next one write both copies anew: only a
 * tail of complete entries, the same in both, gets another one.
 */
#include "libnhi/snapshot/snapshot_change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/snapshot/snapshot_account.h"
#include "libnhi/snapshot/snapshot_format.h"
#include "libnhi/snapshot/snapshot_read.h"

#define ENTRIES NHI_SNAPSHOT_TAIL_AT_ENTRIES
#define RECORD NHI_SNAPSHOT_ENTRY_AT_RECORD

/* The two copies while they are changed, and their tail. */
struct changing {
    struct nhi_snapshot durable, quick; /* as readers see them */
    int fd;                             /* of the durable copy, for writing */
    unsigned char *map;                 /* the tail of the other copy, for writing */
    size_t map_len;
    unsigned char *map_at;                     /* the tail in it */
    unsigned char tail[NHI_SNAPSHOT_TAIL_LEN]; /* what both have */
    size_t used;                               /* bytes of it, with its tables */
    uint32_t entries;
    uint32_t accounts, last_uid;
    uint64_t stamp;
};

static enum nhi_err read_bytes(int fd, void *to, size_t len, uint64_t pos)
{
    ssize_t n = pread(fd, to, len, (off_t)pos);

    return n == (ssize_t)len ? NHI_OK : n < 0 ? NHI_ERR_SYS : NHI_ERR_CORRUPT;
}

/* ---- what is there ---- */

static uint32_t slots_in_use(const unsigned char *table)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < NHI_SNAPSHOT_TAIL_SLOTS; i++)
        used += nhi_snapshot_get64(table + (size_t)i * NHI_SNAPSHOT_SLOT_LEN) != 0;
    return used;
}

static bool is_zero(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static size_t entry_len(const struct nhi_snapshot_record *r)
{
    return RECORD + nhi_snapshot_align(NHI_SNAPSHOT_FIXED_LEN + 4 * (size_t)r->group_count + r->text_len);
}

/* Takes in the entries of the tail, all of which have to be complete, with nothing after them. */
static enum nhi_err count_entries(struct changing *c)
{
    const struct nhi_snapshot *s = &c->durable;
    struct nhi_snapshot_record r;

    while (sizeof(c->tail) - c->used >= RECORD + NHI_SNAPSHOT_FIXED_LEN) {
        const unsigned char *at = c->tail + c->used;
        uint64_t stamp = nhi_snapshot_get64(at);

        if (stamp == 0)
            break;
        if (nhi_account_decode(at + RECORD, sizeof(c->tail) - c->used - RECORD, s->uid_min, s->uid_max, &r) != NHI_OK)
            return NHI_ERR_STATE;
        c->used += entry_len(&r);
        c->entries++;
        c->stamp = stamp;
        if (r.index == c->accounts) {
            c->accounts++;
            c->last_uid = r.uid;
        }
    }
    return is_zero(c->tail + c->used, sizeof(c->tail) - c->used) && slots_in_use(c->tail) == c->entries &&
                   slots_in_use(c->tail + NHI_SNAPSHOT_TAIL_AT_UIDS) == c->entries
               ? NHI_OK
               : NHI_ERR_STATE;
}

static enum nhi_err read_tail(struct changing *c)
{
    struct nhi_snapshot_record r;
    enum nhi_err err = NHI_OK;
    unsigned char h[NHI_SNAPSHOT_HEADER_LEN];

    c->used = ENTRIES;
    c->accounts = c->durable.count;
    c->last_uid = c->durable.uid_min;
    if (c->durable.tail == 0)
        return NHI_ERR_STATE;
    err = read_bytes(c->durable.fd, h, sizeof(h), 0);
    c->stamp = nhi_snapshot_get64(h + NHI_SNAPSHOT_AT_STAMP);
    if (err == NHI_OK && c->accounts > 0) {
        err = nhi_snapshot_record_by_index(&c->durable, c->accounts - 1, &r);
        c->last_uid = r.uid;
    }
    if (err == NHI_OK)
        err = read_bytes(c->durable.fd, c->tail, sizeof(c->tail), c->durable.tail);
    return err == NHI_OK ? count_entries(c) : err;
}

/* ---- both copies ---- */

/* The file at path, for writing too, if it still is the one that is open. -1: not. */
static int open_again(const char *path, const struct nhi_snapshot *s)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_dev != s->dev || st.st_ino != s->ino)) {
        close(fd);
        errno = ESTALE;
        fd = -1;
    }
    return fd;
}

/* Maps the tail of the copy on the tmpfs, which gets each number at once so. */
static enum nhi_err map_quick(struct changing *c)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), from = c->quick.tail / page * page;
    int fd = open_again(NHI_SNAPSHOT_QUICK, &c->quick);
    void *map;

    if (fd < 0)
        return NHI_ERR_SYS;
    c->map_len = (size_t)(c->quick.size - from);
    map = mmap(NULL, c->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)from);
    close(fd);
    if (map == MAP_FAILED)
        return NHI_ERR_SYS;
    c->map = map;
    c->map_at = c->map + (c->quick.tail - from);
    return NHI_OK;
}

static bool are_same(const struct changing *c)
{
    unsigned char h[NHI_SNAPSHOT_HEADER_LEN];

    return c->quick.size == c->durable.size && read_bytes(c->durable.fd, h, sizeof(h), 0) == NHI_OK &&
           memcmp(c->quick.map, h, sizeof(h)) == 0 &&
           memcmp(c->quick.map + c->quick.tail, c->tail, sizeof(c->tail)) == 0;
}

static enum nhi_err open_both(struct changing *c)
{
    enum nhi_err err;
    int dir = -1;

    err = nhi_dir_open(NHI_PUBLIC_DIR, &dir);
    if (err != NHI_OK)
        return err;
    close(dir);
    err = nhi_snapshot_open(NHI_SNAPSHOT_PATH, &c->durable);
    if (err == NHI_OK)
        err = read_tail(c);
    if (err == NHI_OK)
        err = nhi_snapshot_open(NHI_SNAPSHOT_QUICK, &c->quick);
    if (err != NHI_OK)
        return err;
    if (!nhi_snapshot_map(&c->quick) || !are_same(c))
        return NHI_ERR_STATE;
    c->fd = open_again(NHI_SNAPSHOT_PATH, &c->durable);
    return c->fd < 0 ? NHI_ERR_SYS : map_quick(c);
}

static struct changing *new_changing(void)
{
    struct changing *c = calloc(1, sizeof(*c));

    if (c != NULL)
        c->durable.fd = c->quick.fd = c->fd = -1;
    return c;
}

static void free_changing(struct changing *c)
{
    if (c == NULL)
        return;
    if (c->map != NULL)
        (void)munmap(c->map, c->map_len);
    if (c->fd >= 0)
        close(c->fd);
    nhi_snapshot_close(&c->quick);
    nhi_snapshot_close(&c->durable);
    free(c);
}

/* ---- one change ---- */

/* The place of an account among the others. NHI_ERR_ARG: it is one that only a new file can have. */
static enum nhi_err choose_index(struct changing *c, const struct nhi_account *a, uint32_t *index)
{
    struct nhi_snapshot_record r;
    enum nhi_err err = nhi_snapshot_record_by_uid(&c->durable, a->uid, &r);

    if (err == NHI_OK) {
        *index = r.index;
        return strcmp(r.name, a->name) == 0 ? NHI_OK : NHI_ERR_ARG;
    }
    if (err != NHI_ERR_NOT_FOUND)
        return err;
    err = nhi_snapshot_record_by_name(&c->durable, a->name, &r);
    if (err == NHI_OK || (err == NHI_ERR_NOT_FOUND && a->uid <= c->last_uid))
        return NHI_ERR_ARG;
    *index = c->accounts;
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

/* The offset of the slot that a new entry gets. There is one, since half of them stay free. */
static size_t free_slot(const struct changing *c, size_t table, uint32_t tag)
{
    uint32_t at = nhi_snapshot_tail_place(tag);

    while (nhi_snapshot_get64(c->tail + table + (size_t)at * NHI_SNAPSHOT_SLOT_LEN) != 0)
        at = (at + 1) % NHI_SNAPSHOT_TAIL_SLOTS;
    return table + (size_t)at * NHI_SNAPSHOT_SLOT_LEN;
}

static enum nhi_err put_durable(const struct changing *c, size_t at, size_t len)
{
    ssize_t n = pwrite(c->fd, c->tail + at, len, (off_t)(c->durable.tail + at));

    if (n == (ssize_t)len)
        return NHI_OK;
    return n < 0 ? nhi_err_from_errno(errno) : NHI_ERR_FULL;
}

/* A number in the mapping, after all that was put there before. */
static void put_quick(const struct changing *c, size_t at)
{
    void *word = c->map_at + at;
    uint64_t n;

    memcpy(&n, c->tail + at, sizeof(n));
    __atomic_store_n((uint64_t *)word, n, __ATOMIC_RELEASE);
}

/* An entry and its two slots are in c->tail: puts them into both copies, then its stamp. */
static enum nhi_err put_entry(struct changing *c, size_t len, const size_t slots[2], uint64_t stamp)
{
    const size_t at = c->used;
    enum nhi_err err = put_durable(c, at, len);

    for (int i = 0; i < 2 && err == NHI_OK; i++)
        err = put_durable(c, slots[i], NHI_SNAPSHOT_SLOT_LEN);
    if (err == NHI_OK && fdatasync(c->fd) != 0)
        err = NHI_ERR_SYS;
    nhi_snapshot_put(c->tail + at, stamp, 8);
    if (err == NHI_OK)
        err = put_durable(c, at, 8);
    if (err == NHI_OK && fdatasync(c->fd) != 0)
        err = NHI_ERR_SYS;
    if (err != NHI_OK)
        return err;
    memcpy(c->map_at + at + 8, c->tail + at + 8, len - 8);
    for (int i = 0; i < 2; i++)
        put_quick(c, slots[i]);
    put_quick(c, at);
    return NHI_OK;
}

static enum nhi_err add_change(struct changing *c, const struct nhi_snapshot_change *one)
{
    const struct nhi_account *a = &one->account;
    unsigned char record[NHI_SNAPSHOT_RECORD_MAX];
    const uint32_t ref = (uint32_t)((c->used - ENTRIES) / NHI_SNAPSHOT_ALIGN) + 1;
    const uint32_t tag = nhi_snapshot_place_name(a->name, strlen(a->name), 1).tag;
    size_t slots[2], len;
    uint32_t index = 0;
    enum nhi_err err;

    if (one->stamp == 0 || !nhi_account_is_valid(a, c->durable.uid_min, c->durable.uid_max))
        return NHI_ERR_ARG;
    err = choose_index(c, a, &index);
    if (err != NHI_OK)
        return err;
    len = nhi_account_encode(a, index, record);
    if (c->entries >= NHI_SNAPSHOT_TAIL_MOST || len + RECORD > sizeof(c->tail) - c->used)
        return NHI_ERR_FULL;
    memcpy(c->tail + c->used + RECORD, record, len);
    slots[0] = free_slot(c, 0, tag);
    slots[1] = free_slot(c, NHI_SNAPSHOT_TAIL_AT_UIDS, a->uid);
    nhi_snapshot_put(c->tail + slots[0], nhi_snapshot_tail_slot(tag, ref), 8);
    nhi_snapshot_put(c->tail + slots[1], nhi_snapshot_tail_slot(a->uid, ref), 8);
    err = put_entry(c, RECORD + len, slots, one->stamp);
    if (err != NHI_OK)
        return err;
    c->used += RECORD + len;
    c->entries++;
    if (index == c->accounts) {
        c->accounts++;
        c->last_uid = a->uid;
    }
    return NHI_OK;
}

/* ---- all of it ---- */

enum nhi_err nhi_snapshot_stamp(uint64_t *stamp)
{
    struct changing *c = new_changing();
    enum nhi_err err = c != NULL ? nhi_snapshot_open(NHI_SNAPSHOT_PATH, &c->durable) : NHI_ERR_NOMEM;

    if (err == NHI_OK)
        err = read_tail(c);
    if (err == NHI_OK)
        *stamp = c->stamp;
    free_changing(c);
    return err;
}

enum nhi_err nhi_snapshot_change(uint64_t from, const struct nhi_snapshot_change *all, size_t count)
{
    struct changing *c = new_changing();
    enum nhi_err err = c != NULL ? open_both(c) : NHI_ERR_NOMEM;

    if (err == NHI_OK && (c->stamp != from || from == 0))
        err = NHI_ERR_STATE;
    if (err == NHI_OK && count > NHI_SNAPSHOT_CHANGES_MAX)
        err = NHI_ERR_FULL;
    for (size_t i = 0; i < count && err == NHI_OK; i++)
        err = add_change(c, &all[i]);
    /* Who follows the file sees that something was published. */
    if (err == NHI_OK && count == 0 && futimens(c->fd, NULL) != 0)
        err = NHI_ERR_SYS;
    free_changing(c);
    return err;
}
