/* SPDX-License-Identifier: ISC */
#include "libnhi/base/last_seen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/phase.h"

#define MARK_MAX 256 /* bytes */
#define FORMAT "nhi-mark-v1 "

static enum nhi_err parse(const char *text, struct nhi_last_seen *out)
{
    struct nhi_last_seen m;
    int end = 0;

    if (sscanf(text, FORMAT "%" SCNd64 " %" SCNd64 " %64[0-9a-f] %" SCNd64 " %" SCNu32 "\n%n", &m.epoch, &m.event,
               m.hash, &m.latest, &m.next_uid, &end) != 5 ||
        end == 0 || text[end - 1] != '\n' || text[end] != '\0' || strlen(m.hash) != NHI_DIGEST_LEN || m.epoch < 0 ||
        m.event < 0)
        return NHI_ERR_FORMAT;
    *out = m;
    return NHI_OK;
}

static enum nhi_err load_one(const char *dir, struct nhi_last_seen *out)
{
    unsigned long len = 0;
    char *text = NULL;
    enum nhi_err err;
    int dirfd;

    err = nhi_dir_borrow(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    err = nhi_file_read(dirfd, NHI_LAST_SEEN_FILE, 1, MARK_MAX, &text, &len);
    nhi_dir_return(dirfd);
    /* Some file systems leave an empty file behind after a power failure. */
    if (err == NHI_OK)
        err = len == 0 ? NHI_ERR_NOT_FOUND : parse(text, out);
    free(text);
    return err;
}

bool nhi_last_seen_is_ahead(const struct nhi_last_seen *m, int64_t epoch, int64_t event)
{
    return m->epoch > epoch || (m->epoch == epoch && m->event > event);
}

enum nhi_err nhi_last_seen_load(const char *dir, const char *run_dir, struct nhi_last_seen *out)
{
    struct nhi_last_seen m = { .epoch = -1 }, other;
    enum nhi_err err = load_one(dir, &m);

    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return err;
    err = load_one(run_dir, &other);
    if (err == NHI_OK && nhi_last_seen_is_ahead(&other, m.epoch, m.event))
        m = other;
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return err;
    if (m.epoch < 0)
        return NHI_ERR_NOT_FOUND;
    *out = m;
    return NHI_OK;
}

void nhi_last_seen_ask(const char *dir, const char *run_dir, struct nhi_last_seen_answer *out)
{
    out->err = nhi_last_seen_load(dir, run_dir, &out->last);
}

/* Unlike nhi_file_replace, it does not wait for a disk. */
static enum nhi_err store_one(const char *dir, const char *text)
{
    struct nhi_new_file n = { .fd = -1 };
    ssize_t len = (ssize_t)strlen(text);
    enum nhi_err err;
    int dirfd;

    err = nhi_dir_open(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    err = nhi_file_begin(dirfd, NHI_LAST_SEEN_FILE, &n);
    if (err == NHI_OK && write(n.fd, text, (size_t)len) != len)
        err = NHI_ERR_FULL;
    if (err == NHI_OK)
        err = nhi_file_end(dirfd, NHI_LAST_SEEN_FILE, &n);
    nhi_file_drop(dirfd, &n);
    close(dirfd);
    return err;
}

enum nhi_err nhi_last_seen_store(const char *dir, const char *run_dir, const struct nhi_last_seen *m)
{
    char text[MARK_MAX];
    enum nhi_err err;

    snprintf(text, sizeof(text), FORMAT "%" PRId64 " %" PRId64 " %s %" PRId64 " %" PRIu32 "\n", m->epoch, m->event,
             m->hash, m->latest, m->next_uid);
    err = store_one(run_dir, text);
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return err;
    return store_one(dir, text);
}
