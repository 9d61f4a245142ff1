/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/fold_resting.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/grant/grant_kind.h"
#include "libnhi/grant/record.h"

#define FILE_MAX (UINT64_C(64) << 20)
#define WORTH_IT 64 /* so many records were asked: the file is written, once for all later commands */

/* The sum first, then the records in the order of their numbers. */
struct head {
    char magic[8];
    char sum[NHI_DIGEST_LEN + 1];
};
#define MAGIC "NHIREST1"

static uint64_t number_of(const char *name)
{
    uint64_t n = UINT64_C(14695981039346656037);

    for (; *name != '\0'; name++)
        n = (n ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return n;
}

static void sum_of(const struct nhi_resting_list *l, char sum[NHI_DIGEST_LEN + 1])
{
    struct nhi_hash256 h;

    nhi_hash256_start(&h);
    if (l->count > 0)
        nhi_hash256_add(&h, (const char *)l->all, l->count * sizeof(*l->all));
    nhi_hash256_end(&h, sum);
}

static int by_name(const void *a, const void *b)
{
    const struct nhi_resting_one *x = a, *y = b;

    return x->name < y->name ? -1 : x->name > y->name;
}

static void add(struct nhi_resting_list *l, uint64_t name, int64_t until)
{
    struct nhi_resting_one *more = nhi_grow(l->all, &l->room, l->count + 1, sizeof(*more));

    /* Without memory for it, it is asked again the next time. */
    if (more == NULL)
        return;
    l->all = more;
    l->all[l->count++] = (struct nhi_resting_one){ name, until };
}

void nhi_resting_read(const char *dir, struct nhi_resting *r)
{
    char *text = NULL, sum[NHI_DIGEST_LEN + 1];
    const struct head *h;
    unsigned long len = 0;
    int dirfd;

    if (nhi_dir_open(dir, &dirfd) != NHI_OK)
        return;
    if (nhi_file_read(dirfd, NHI_RESTING_FILE, 1, FILE_MAX, &text, &len) == NHI_OK && len > sizeof(*h) &&
        (len - sizeof(*h)) % sizeof(*r->known.all) == 0) {
        r->known.count = (len - sizeof(*h)) / sizeof(*r->known.all);
        r->known.all = malloc(len - sizeof(*h));
        if (r->known.all != NULL)
            memcpy(r->known.all, text + sizeof(*h), len - sizeof(*h));
        else
            r->known.count = 0;
        sum_of(&r->known, sum);
        h = (const struct head *)text;
        if (memcmp(h->magic, MAGIC, sizeof(h->magic)) != 0 || memcmp(h->sum, sum, sizeof(sum)) != 0)
            r->known.count = 0;
    }
    free(text);
    close(dirfd);
}

bool nhi_resting_has(struct nhi_resting *r, int dirfd, const char *name, int64_t now)
{
    const struct nhi_resting_one one = { number_of(name), 0 }, *found = NULL;
    int64_t until;

    if (r->known.count > 0)
        found = bsearch(&one, r->known.all, r->known.count, sizeof(one), by_name);
    if (found != NULL && found->until > now) {
        add(&r->seen, found->name, found->until);
        return true;
    }
    until = nhi_record_rests_until(dirfd, name, now);
    if (until > 0)
        nhi_resting_add(r, name, until);
    return until > 0;
}

void nhi_resting_add(struct nhi_resting *r, const char *name, int64_t until)
{
    add(&r->seen, number_of(name), until);
    r->asked++;
}

/* Not flushed: a file that the power took is recognised by its sum. */
static enum nhi_err store(int dirfd, const struct nhi_resting_list *l)
{
    struct nhi_new_file n = { .fd = -1 };
    struct head h = { .magic = MAGIC };
    enum nhi_err err;

    sum_of(l, h.sum);
    err = nhi_file_begin(dirfd, NHI_RESTING_FILE, &n);
    if (err == NHI_OK)
        err = nhi_file_write(n.fd, &h, sizeof(h));
    if (err == NHI_OK)
        err = nhi_file_write(n.fd, l->all, l->count * sizeof(*l->all));
    if (err == NHI_OK)
        err = nhi_file_end(dirfd, NHI_RESTING_FILE, &n);
    nhi_file_drop(dirfd, &n);
    return err;
}

void nhi_resting_write(const char *dir, struct nhi_resting *r)
{
    int dirfd;

    if (r->asked < WORTH_IT || nhi_dir_open(dir, &dirfd) != NHI_OK)
        return;
    qsort(r->seen.all, r->seen.count, sizeof(*r->seen.all), by_name);
    (void)!store(dirfd, &r->seen);
    close(dirfd);
}

void nhi_resting_free(struct nhi_resting *r)
{
    free(r->known.all);
    free(r->seen.all);
    memset(r, 0, sizeof(*r));
}
