/* SPDX-License-Identifier: ISC */
/*
 * Writing the snapshot.
 *
 * MUST hold: readers see the whole old file or the whole new one; on any failure before the rename the old file stays
 * and the temporary one is removed. A temporary file that a crash left behind is removed by the next writer, never
 * written to, and never taken from a writer that still lives: each holds a lock on its own, which nobody else can take
 * since the file is 0600 until it is renamed.
 */
#include "libnhi/snapshot/snapshot_write.h"

#include "libnhi/base/grow.h"
#include "libnhi/snapshot/snapshot_account.h"
#include "libnhi/snapshot/snapshot_format.h"

#include <cdb.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_TRIES 16
#define HEADER_VALUE_POS (NHI_SNAPSHOT_TOC_LEN + NHI_SNAPSHOT_LENGTHS_LEN + sizeof(NHI_SNAPSHOT_HEADER_KEY) - 1)

struct nhi_snapshot_writer {
    int dir;
    int fd;
    char name[NAME_MAX + 1]; /* within dir */
    char temp[NAME_MAX + 1];
    bool started; /* cdb has allocated memory */
    struct cdb_make cdb;
    enum nhi_err failed;
    uint32_t uid_min, uid_max, last_uid, count;
    char *members;
    size_t members_len, members_room;
};

static enum nhi_err sys_err(void)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return NHI_ERR_FULL;
    return errno == ENOMEM ? NHI_ERR_NOMEM : NHI_ERR_SYS;
}

static void writer_free(struct nhi_snapshot_writer *w)
{
    int saved = errno;

    if (w == NULL)
        return;
    if (w->started)
        (void)cdb_make_finish(&w->cdb); /* tinycdb has no other way to free its lists */
    if (w->temp[0] != '\0')
        (void)unlinkat(w->dir, w->temp, 0);
    if (w->fd >= 0)
        close(w->fd);
    if (w->dir >= 0)
        close(w->dir);
    free(w->members);
    free(w);
    errno = saved;
}

/* Directory and file name of path. */
static enum nhi_err dir_open(struct nhi_snapshot_writer *w, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    enum nhi_err err = NHI_OK;
    char *dir = NULL;

    /* The temporary name is longer by a dot before it and eleven bytes after it. */
    if (base[0] == '\0' || strlen(base) > NAME_MAX - 12)
        return NHI_ERR_ARG;
    memcpy(w->name, base, strlen(base) + 1);
    dir = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (dir == NULL)
        return NHI_ERR_NOMEM;
    w->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->dir < 0)
        err = sys_err();
    free(dir);
    return err;
}

static bool is_temp_of(const char *entry, const char *name)
{
    size_t len = strlen(name);

    return entry[0] == '.' && strncmp(entry + 1, name, len) == 0 && entry[len + 1] == '.' &&
           strlen(entry + len + 2) == 10 && strspn(entry + len + 2, "0123456789abcdef") == 10;
}

/* Removes what crashed writers left. If it fails, a file too many costs space and nothing else. */
static void sweep(const struct nhi_snapshot_writer *w)
{
    struct dirent *e;
    DIR *d = NULL;
    int fd = openat(w->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || (d = fdopendir(fd)) == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((e = readdir(d)) != NULL) {
        if (!is_temp_of(e->d_name, w->name))
            continue;
        fd = openat(w->dir, e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
            continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            (void)unlinkat(w->dir, e->d_name, 0);
        close(fd);
    }
    closedir(d);
}

/* Creates and locks the temporary file. If a sweep comes between the two, tries once more. */
static enum nhi_err temp_create(struct nhi_snapshot_writer *w)
{
    unsigned char r[5];
    struct stat st;
    int i;

    for (i = 0; i < TEMP_TRIES; i++) {
        if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
            return NHI_ERR_SYS;
        snprintf(w->temp, sizeof(w->temp), ".%.*s.%02x%02x%02x%02x%02x", NAME_MAX - 12, w->name, r[0], r[1], r[2], r[3],
                 r[4]);
        w->fd = openat(w->dir, w->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (w->fd >= 0 && flock(w->fd, LOCK_EX | LOCK_NB) == 0 && fstat(w->fd, &st) == 0 && st.st_nlink == 1)
            return NHI_OK;
        if (w->fd < 0 && errno != EEXIST)
            break;
        if (w->fd >= 0) {
            (void)unlinkat(w->dir, w->temp, 0);
            close(w->fd);
        }
        w->fd = -1;
    }
    w->temp[0] = '\0';
    return i == TEMP_TRIES ? NHI_ERR_BUSY : sys_err();
}

/* Adds a record with a check sum after its value. value must have room for it. replace: cdb's put mode. */
static enum nhi_err put(struct nhi_snapshot_writer *w, const char *key, unsigned char *value, size_t len,
                        enum cdb_put_mode mode)
{
    int rc;

    cdb_pack(cdb_hash(value, (unsigned)len), value + len);
    rc = cdb_make_put(&w->cdb, key, (unsigned)strlen(key), value, (unsigned)len + NHI_SNAPSHOT_CHECK_LEN, mode);
    if (rc < 0)
        return sys_err();
    return rc > 0 ? NHI_ERR_ARG : NHI_OK;
}

enum nhi_err nhi_snapshot_begin(const char *path, uint32_t uid_min, uint32_t uid_max, struct nhi_snapshot_writer **out)
{
    unsigned char header[NHI_SNAPSHOT_HEADER_LEN] = { 0 };
    struct nhi_snapshot_writer *w = NULL;
    enum nhi_err err = NHI_ERR_ARG;

    if (path == NULL || !nhi_range_is_valid(uid_min, uid_max))
        goto out;
    err = NHI_ERR_NOMEM;
    w = calloc(1, sizeof(*w));
    if (w == NULL)
        goto out;
    w->fd = w->dir = -1;
    w->uid_min = w->last_uid = uid_min;
    w->uid_max = uid_max;
    err = dir_open(w, path);
    if (err != NHI_OK)
        goto out;
    sweep(w);
    err = temp_create(w);
    if (err != NHI_OK)
        goto out;
    err = NHI_ERR_SYS;
    if (cdb_make_start(&w->cdb, w->fd) != 0)
        goto out;
    w->started = true;
    /* The first record, still empty: its place is fixed, its numbers are known at the end. */
    err = put(w, NHI_SNAPSHOT_HEADER_KEY, header, NHI_SNAPSHOT_HEADER_LEN - NHI_SNAPSHOT_CHECK_LEN, CDB_PUT_ADD);
    if (err == NHI_OK) {
        *out = w;
        w = NULL;
    }
out:
    writer_free(w);
    return err;
}

static enum nhi_err member_add(struct nhi_snapshot_writer *w, const char *name)
{
    size_t len = strlen(name) + 1;
    char *grown;

    /* The check sum of the record must fit after the names. */
    grown = nhi_grow(w->members, &w->members_room, w->members_len + len + NHI_SNAPSHOT_CHECK_LEN, 1);
    if (grown == NULL)
        return NHI_ERR_NOMEM;
    w->members = grown;
    memcpy(w->members + w->members_len, name, len);
    w->members_len += len;
    return NHI_OK;
}

static enum nhi_err add(struct nhi_snapshot_writer *w, const struct nhi_account *a)
{
    unsigned char value[NHI_SNAPSHOT_VALUE_MAX];
    char key[NHI_SNAPSHOT_KEY_MAX + 1] = "n";
    enum nhi_err err;
    size_t len;

    if (!nhi_account_is_valid(a, w->uid_min, w->uid_max) || a->uid <= w->last_uid)
        return NHI_ERR_ARG;
    len = nhi_account_encode(a, value);
    memcpy(key + 1, a->name, strlen(a->name) + 1);
    err = put(w, key, value, len, CDB_PUT_INSERT);
    if (err != NHI_OK)
        return err;
    nhi_snapshot_key('u', a->uid, key);
    err = put(w, key, value, len, CDB_PUT_ADD);
    if (err != NHI_OK)
        return err;
    nhi_snapshot_key('i', w->count, key);
    cdb_pack(w->count, value);
    cdb_pack(a->uid, value + 4);
    err = put(w, key, value, 8, CDB_PUT_ADD);
    if (err == NHI_OK)
        err = member_add(w, a->name);
    if (err != NHI_OK)
        return err;
    w->last_uid = a->uid;
    w->count++;
    return NHI_OK;
}

enum nhi_err nhi_snapshot_add(struct nhi_snapshot_writer *w, const struct nhi_account *a)
{
    enum nhi_err err = add(w, a);

    if (err != NHI_OK && w->failed == NHI_OK)
        w->failed = err;
    return err;
}

static enum nhi_err header_write(const struct nhi_snapshot_writer *w)
{
    unsigned char v[NHI_SNAPSHOT_HEADER_LEN], *at = v + NHI_SNAPSHOT_MAGIC_LEN;
    struct stat st;
    ssize_t n;

    if (fstat(w->fd, &st) != 0)
        return NHI_ERR_SYS;
    if (st.st_size > UINT32_MAX)
        return NHI_ERR_TOO_LONG;
    memcpy(v, NHI_SNAPSHOT_MAGIC, NHI_SNAPSHOT_MAGIC_LEN);
    cdb_pack(NHI_SNAPSHOT_VERSION, at);
    cdb_pack(w->uid_min, at + 4);
    cdb_pack(w->uid_max, at + 8);
    cdb_pack(w->count, at + 12);
    cdb_pack((uint32_t)w->members_len, at + 16);
    cdb_pack((uint32_t)st.st_size, at + 20);
    cdb_pack(cdb_hash(v, sizeof(v) - NHI_SNAPSHOT_CHECK_LEN), at + 24);
    n = pwrite(w->fd, v, sizeof(v), HEADER_VALUE_POS);
    if (n < 0)
        return sys_err();
    return n == (ssize_t)sizeof(v) ? NHI_OK : NHI_ERR_FULL;
}

static enum nhi_err cdb_complete(struct nhi_snapshot_writer *w)
{
    unsigned char none[NHI_SNAPSHOT_CHECK_LEN];
    enum nhi_err err;

    err = put(w, "m", w->members != NULL ? (unsigned char *)w->members : none, w->members_len, CDB_PUT_ADD);
    if (err != NHI_OK)
        return err;
    w->started = false;
    if (cdb_make_finish(&w->cdb) != 0)
        return sys_err();
    return header_write(w);
}

enum nhi_err nhi_snapshot_commit(struct nhi_snapshot_writer *w)
{
    enum nhi_err err = w->failed;

    if (err != NHI_OK)
        goto out;
    err = cdb_complete(w);
    if (err != NHI_OK)
        goto out;
    if (fchown(w->fd, 0, 0) != 0 || fchmod(w->fd, 0644) != 0 || fsync(w->fd) != 0 ||
        renameat(w->dir, w->temp, w->dir, w->name) != 0) {
        err = sys_err();
        goto out;
    }
    w->temp[0] = '\0';
    if (fsync(w->dir) != 0)
        err = NHI_ERR_SYS;
out:
    writer_free(w);
    return err;
}

void nhi_snapshot_abort(struct nhi_snapshot_writer *w)
{
    writer_free(w);
}
