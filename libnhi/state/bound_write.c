/* SPDX-License-Identifier: ISC */
#include "libnhi/state/bound_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"

#define RECORD sizeof(struct bound_record)

static enum nhi_err open_to_write(const char *dir, int *in, int *fd)
{
    enum nhi_err err = nhi_dir_open(dir, in);
    struct stat st;

    if (err != NHI_OK)
        return err;
    *fd = openat(*in, NHI_BOUND_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (*fd < 0)
        err = errno == ELOOP || errno == EISDIR || errno == ENXIO ? NHI_ERR_UNSAFE : nhi_err_from_errno(errno);
    else if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        err = NHI_ERR_UNSAFE;
    if (err == NHI_OK)
        return err;
    if (*fd >= 0)
        close(*fd);
    close(*in);
    return err;
}

/* In the place of a record that a killed writer left incomplete. */
static enum nhi_err append(int fd, const struct bound_record *r, size_t count, size_t *size)
{
    const size_t len = count * RECORD, at = *size - *size % RECORD;
    ssize_t n = pwrite(fd, r, len, (off_t)at);

    if (n < 0)
        return nhi_err_from_errno(errno);
    *size = at + (size_t)n;
    return (size_t)n == len ? NHI_OK : NHI_ERR_FULL;
}

static void fill(struct bound_record *r, const struct nhi_fact_key *key)
{
    memset(r, 0, sizeof(*r));
    r->kind = key->kind;
    r->len = key->len;
    memcpy(r->key, key->bytes, key->len);
    r->sum = bound_sum(*r);
}

/* skip: one flag for each key, or NULL. */
static enum nhi_err append_all(int in, int fd, const struct nhi_fact_key *keys, size_t count, const bool *skip)
{
    struct bound_record some[64];
    enum nhi_err err = NHI_OK;
    size_t n = 0, size;
    struct stat st;

    if (fstat(fd, &st) != 0 || (st.st_size == 0 && fsync(in) != 0))
        return NHI_ERR_SYS;
    size = (size_t)st.st_size;
    for (size_t i = 0; err == NHI_OK && i < count; i++) {
        if (keys[i].len > sizeof(some[0].key))
            return NHI_ERR_TOO_LONG;
        if (skip == NULL || !skip[i])
            fill(&some[n++], &keys[i]);
        if (n == sizeof(some) / sizeof(some[0])) {
            err = append(fd, some, n, &size);
            n = 0;
        }
    }
    return err == NHI_OK && n > 0 ? append(fd, some, n, &size) : err;
}

static enum nhi_err close_written(int in, int fd, enum nhi_err err)
{
    if (err == NHI_OK && fdatasync(fd) != 0)
        err = nhi_err_from_errno(errno);
    close(fd);
    close(in);
    return err;
}

enum nhi_err nhi_bound_add(const char *dir, const struct nhi_fact_key *keys, size_t count)
{
    enum nhi_err err;
    int in, fd;

    if (count == 0)
        return NHI_OK;
    err = open_to_write(dir, &in, &fd);
    return err == NHI_OK ? close_written(in, fd, append_all(in, fd, keys, count, NULL)) : err;
}

static int compare(const void *a, const void *b)
{
    const struct nhi_fact_key *x = a, *y = b;
    int order = x->kind - y->kind;

    if (order == 0)
        order = x->len - y->len;
    return order != 0 ? order : memcmp(x->bytes, y->bytes, x->len);
}

/* Marks the keys that the file has. */
static enum nhi_err look_up(int fd, const struct nhi_fact_key *keys, size_t count, bool *has)
{
    const struct nhi_fact_key *found;
    struct bound_record all[64];
    struct nhi_fact_key key;
    off_t at = 0;
    ssize_t n;

    while ((n = pread(fd, all, sizeof(all), at)) >= (ssize_t)RECORD || (n < 0 && errno == EINTR)) {
        for (size_t i = 0; n > 0 && i < (size_t)n / RECORD; i++) {
            if (all[i].len > sizeof(all[i].key) || all[i].sum != bound_sum(all[i]))
                continue;
            key = (struct nhi_fact_key){ .kind = all[i].kind, .len = all[i].len };
            memcpy(key.bytes, all[i].key, key.len);
            found = count > 0 ? bsearch(&key, keys, count, sizeof(*keys), compare) : NULL;
            if (found != NULL)
                has[found - keys] = true;
        }
        at += n > 0 ? n - n % (ssize_t)RECORD : 0;
    }
    return n < 0 ? NHI_ERR_SYS : NHI_OK;
}

enum nhi_err nhi_bound_complete(const char *dir, struct nhi_fact_key *keys, size_t count)
{
    bool *has = calloc(count + 1, sizeof(*has)), all = true;
    enum nhi_err err = NHI_ERR_NOMEM;
    int in, fd;

    if (has == NULL)
        return err;
    if (count > 0)
        qsort(keys, count, sizeof(*keys), compare);
    err = open_to_write(dir, &in, &fd);
    if (err != NHI_OK)
        goto out;
    err = look_up(fd, keys, count, has);
    for (size_t i = 0; i < count; i++)
        all = all && has[i];
    if (err == NHI_OK && !all)
        err = close_written(in, fd, append_all(in, fd, keys, count, has));
    else {
        close(fd);
        close(in);
    }
out:
    free(has);
    return err;
}
