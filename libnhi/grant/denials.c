/* SPDX-License-Identifier: ISC */
/*
 * MUST: the counting side takes no lock and waits for nobody: its caller may stop it anywhere. MUST: the reading
 * side believes no byte of a sample, which may be torn.
 */
#include "libnhi/grant/denials.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/base/net.h"
#include "libnhi/grant/counter_file.h"

#define REASONS_MAX 64
_Static_assert(NHI_REASON_COUNT <= REASONS_MAX, "room for every reason");
_Static_assert(sizeof(atomic_uint_fast64_t) == 8 && ATOMIC_LLONG_LOCK_FREE == 2, "counters need no lock");

struct slot {
    int64_t at;
    uint32_t reason;
    _Atomic uint32_t written; /* set last */
    char service[NHI_SERVICE_MAX + 1], account[NHI_ACCOUNT_MAX + 1], from[NHI_PLACE_MAX + 1];
};

struct image {
    char magic[16];
    uint32_t reasons, pad;
    atomic_uint_fast64_t taken; /* slots; higher than their number once there are none left */
    atomic_uint_fast64_t count[REASONS_MAX][NHI_DENIAL_SERVICES];
    struct slot slots[NHI_DENIALS_SAMPLES];
};

const char *nhi_denial_service(enum nhi_denial_of s)
{
    static const char *const names[NHI_DENIAL_SERVICES] = { "sshd", "sudo", "su", "cron", "other" };

    return names[s];
}

enum nhi_denial_of nhi_denial_of_service(const char *name)
{
    static const struct {
        const char *name;
        enum nhi_denial_of of;
    } more[] = { { "sudo-i", NHI_DENIAL_SUDO }, { "su-l", NHI_DENIAL_SU }, { "crond", NHI_DENIAL_CRON } };

    for (unsigned s = 0; s < NHI_DENIAL_OTHER; s++)
        if (strcmp(nhi_denial_service((enum nhi_denial_of)s), name) == 0)
            return (enum nhi_denial_of)s;
    for (unsigned s = 0; s < sizeof(more) / sizeof(more[0]); s++)
        if (strcmp(more[s].name, name) == 0)
            return more[s].of;
    return NHI_DENIAL_OTHER;
}

/* Belongs to one release: reasons are counted by number. */
static const struct {
    char magic[16];
    uint32_t reasons;
} head = { "nhi-denials-v1", NHI_REASON_COUNT };
static const struct nhi_counter_file file = {
    .name = NHI_DENIALS_FILE, .head = &head, .head_len = sizeof(head), .size = sizeof(struct image)
};

static void copy_or(char *out, size_t size, const char *text, bool fits)
{
    snprintf(out, size, "%s", fits ? text : "?");
}

static void put_sample(struct image *im, const struct nhi_denial *d)
{
    uint64_t n = atomic_fetch_add(&im->taken, 1);
    struct slot *s;

    if (n >= NHI_DENIALS_SAMPLES)
        return;
    s = &im->slots[n];
    s->at = d->at;
    s->reason = (uint32_t)d->reason;
    memcpy(s->service, d->service, sizeof(s->service));
    memcpy(s->account, d->account, sizeof(s->account));
    memcpy(s->from, d->from, sizeof(s->from));
    atomic_store(&s->written, 1);
}

void nhi_denials_add(const char *run_dir, enum nhi_reason reason, const char *service, const char *account,
                     const char *from, int64_t at)
{
    struct nhi_denial d = { .at = at, .reason = reason };
    void *mem = NULL;
    struct image *im;
    int fd = -1;

    copy_or(d.service, sizeof(d.service), service, nhi_name_is_service(service));
    copy_or(d.account, sizeof(d.account), account, nhi_name_is_account(account));
    copy_or(d.from, sizeof(d.from), from, from[0] == '\0' || nhi_net_is_address(from));
    if ((unsigned)reason >= NHI_REASON_COUNT || nhi_counter_file_open(run_dir, &file, true, &fd, &mem) != NHI_OK)
        return;
    im = mem;
    put_sample(im, &d);
    (void)atomic_fetch_add(&im->count[reason][nhi_denial_of_service(d.service)], 1);
    nhi_counter_file_close(&file, fd, mem);
}

void nhi_denials_make(const char *run_dir)
{
    void *mem = NULL;
    int fd = -1;

    if (nhi_counter_file_open(run_dir, &file, true, &fd, &mem) == NHI_OK)
        nhi_counter_file_close(&file, fd, mem);
}

/* ---- taking ---- */

static void read_text(char *out, size_t size, const char *from, bool (*ok)(const char *))
{
    memcpy(out, from, size);
    out[size - 1] = '\0';
    if (!ok(out))
        snprintf(out, size, "?");
}

static void read_samples(struct image *im, struct nhi_denials *d)
{
    for (size_t i = 0; i < NHI_DENIALS_SAMPLES; i++) {
        struct nhi_denial *to = &d->samples[d->sample_count];
        const struct slot *s = &im->slots[i];

        if (atomic_load(&s->written) != 1 || s->reason >= NHI_REASON_COUNT)
            continue;
        to->at = s->at;
        to->reason = (enum nhi_reason)s->reason;
        read_text(to->service, sizeof(to->service), s->service, nhi_name_is_service);
        read_text(to->account, sizeof(to->account), s->account, nhi_name_is_account);
        if (s->from[0] != '\0')
            read_text(to->from, sizeof(to->from), s->from, nhi_net_is_address);
        d->sample_count++;
    }
}

static void read_counts(struct image *im, struct nhi_denials *d)
{
    for (unsigned r = 0; r < NHI_REASON_COUNT; r++)
        for (unsigned s = 0; s < NHI_DENIAL_SERVICES; s++) {
            d->count[r][s] = atomic_load(&im->count[r][s]);
            d->total += d->count[r][s];
        }
}

/* Counts that were added since stay. */
static void take_away(struct image *im, const struct nhi_denials *d)
{
    for (unsigned r = 0; r < NHI_REASON_COUNT; r++)
        for (unsigned s = 0; s < NHI_DENIAL_SERVICES; s++)
            (void)atomic_fetch_sub(&im->count[r][s], d->count[r][s]);
    for (size_t i = 0; i < NHI_DENIALS_SAMPLES; i++)
        atomic_store(&im->slots[i].written, 0);
    atomic_store(&im->taken, 0);
}

enum nhi_err nhi_denials_take(const char *run_dir, int (*fn)(const struct nhi_denials *, void *), void *ctx)
{
    struct nhi_denials d = { .total = 0 };
    enum nhi_err err;
    void *mem = NULL;
    int fd = -1;

    err = nhi_counter_file_open(run_dir, &file, false, &fd, &mem);
    if (err == NHI_ERR_FORMAT)
        nhi_counter_file_remove(run_dir, &file);
    if (err != NHI_OK)
        return err;
    err = nhi_counter_file_turn(fd);
    if (err == NHI_OK)
        read_counts(mem, &d);
    if (err == NHI_OK && d.total > 0) {
        read_samples(mem, &d);
        if (fn(&d, ctx) == 0)
            take_away(mem, &d);
    }
    nhi_counter_file_close(&file, fd, mem);
    return err;
}
