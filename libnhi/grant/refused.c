/* SPDX-License-Identifier: ISC */
/*
 * MUST: the noting side takes no lock and waits for nobody: its caller may stop it anywhere. MUST: the reading side
 * believes no byte of a slot, which may be torn.
 */
#include "libnhi/grant/refused.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/net.h"
#include "libnhi/base/proc.h"
#include "libnhi/base/time.h"
#include "libnhi/grant/counter_file.h"
#include "libnhi/grant/denials.h"
#include "libnhi/ticket/ticket.h"

#define HOUR 3600
#define HASH_BITS 40

struct slot {
    atomic_uint_fast64_t id; /* of the hour and the subject; 0: free */
    atomic_uint_fast64_t count, told;
    _Atomic int64_t last;
    _Atomic uint32_t written; /* the rest is complete; set last */
    _Atomic uint32_t froms;   /* taken; higher than their number once there are none left */
    struct nhi_refusal of;
    char from[NHI_REFUSED_FROM][NHI_PLACE_MAX + 1];
};

/* Tickets and keys that are known here; jobs of this host; refusals that anybody who can try to log in can cause. */
enum region { OF_KNOWN, OF_HOST, OF_STRANGERS, REGIONS };
static const struct {
    size_t first, end;
} regions[REGIONS] = { [OF_KNOWN] = { 0, 128 }, [OF_HOST] = { 128, 192 }, [OF_STRANGERS] = { 192, NHI_REFUSED_SLOTS } };

struct image {
    char magic[16];
    uint32_t reasons, slot_size;
    atomic_uint_fast64_t over[REGIONS]; /* the hour, and how many refusals found no room in it */
    struct slot slots[NHI_REFUSED_SLOTS];
};

/* Belongs to one release: reasons are kept by number. */
static const struct {
    char magic[16];
    uint32_t reasons, slot_size;
} head = { "nhi-refused-v1", NHI_REASON_COUNT, sizeof(struct slot) };
static const struct nhi_counter_file file = {
    .name = NHI_REFUSED_FILE, .head = &head, .head_len = sizeof(head), .size = sizeof(struct image)
};

static enum region region_of(const struct nhi_refusal *r)
{
    enum nhi_denial_of door = nhi_denial_of_service(r->service);

    if (r->known)
        return OF_KNOWN;
    return door == NHI_DENIAL_SSHD || door == NHI_DENIAL_SU ? OF_STRANGERS : OF_HOST;
}

/* ---- noting ---- */

static uint64_t hash(uint64_t h, const char *text)
{
    do
        h = (h ^ (uint8_t)*text) * 0x100000001b3u;
    while (*text++ != '\0');
    return h;
}

/* A ticket that was shown gets one slot for each reason, since enough of its denials have records: its holder must not
 * be able to fill slots. Nor can he by trying accounts that a ticket does not name. */
static uint64_t id_of(const struct nhi_refusal *r)
{
    uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)r->reason;
    bool shown = r->known && r->jti[0] != '\0' && r->key[0] == '\0';

    if (!shown)
        h = hash(h, r->service);
    if (r->known)
        h = hash(hash(hash(h, r->jti), r->issuer), r->jti[0] != '\0' ? "" : r->key);
    if (!shown && (!r->known || r->reason != NHI_DENY_ACCOUNT))
        h = hash(h, r->account);
    return ((uint64_t)(r->at / HOUR) << HASH_BITS) | ((h ^ h >> HASH_BITS) & ((1ull << HASH_BITS) - 1));
}

static void write_slot(struct slot *s, const struct nhi_refusal *r)
{
    s->of = *r;
    atomic_store(&s->last, r->at);
    atomic_store(&s->written, 1);
}

/* The slot of that ID. mine: it was free. NULL: no room. */
static struct slot *find_slot(struct image *im, enum region region, uint64_t id, bool *mine)
{
    for (size_t i = regions[region].first; i < regions[region].end; i++)
        if (atomic_load(&im->slots[i].id) == id)
            return &im->slots[i];
    for (size_t i = regions[region].first; i < regions[region].end; i++) {
        uint64_t was = 0;

        *mine = atomic_compare_exchange_strong(&im->slots[i].id, &was, id);
        if (*mine || was == id)
            return &im->slots[i];
    }
    return NULL;
}

static void put_from(struct slot *s, const char *from)
{
    uint32_t i, have = atomic_load(&s->froms);

    for (i = 0; i < have && i < NHI_REFUSED_FROM; i++)
        if (strncmp(s->from[i], from, NHI_PLACE_MAX) == 0)
            return;
    if (from[0] == '\0' || have >= NHI_REFUSED_FROM)
        return;
    i = atomic_fetch_add(&s->froms, 1);
    if (i < NHI_REFUSED_FROM)
        memcpy(s->from[i], from, sizeof(s->from[i]));
}

static uint64_t add(struct slot *s, const struct nhi_refusal *r, bool mine)
{
    int64_t last = atomic_load(&s->last);
    uint64_t n;

    if (mine)
        write_slot(s, r);
    while (last < r->at && !atomic_compare_exchange_weak(&s->last, &last, r->at))
        ;
    put_from(s, r->from);
    n = atomic_fetch_add(&s->count, 1) + 1;
    return mine ? 1 : n > 1 ? n : 2;
}

static uint64_t add_over(struct image *im, enum region region, int64_t at)
{
    uint64_t hour = (uint64_t)(at / HOUR) << HASH_BITS, was = atomic_load(&im->over[region]), next;

    do
        next = was >> HASH_BITS == hour >> HASH_BITS ? was + 1 : hour + 1;
    while (!atomic_compare_exchange_weak(&im->over[region], &was, next));
    return next - hour;
}

static void keep_name(char *text, bool fits)
{
    if (!fits)
        memcpy(text, "?", 2);
}

uint64_t nhi_refused_note(const char *run_dir, const struct nhi_refusal *r)
{
    struct nhi_refusal clean = *r;
    bool mine = false;
    void *mem = NULL;
    struct slot *s;
    uint64_t n;
    int fd = -1;

    if ((unsigned)r->reason >= NHI_REASON_COUNT || r->at < 0 || r->at > NHI_TIME_MAX ||
        nhi_counter_file_open(run_dir, &file, true, &fd, &mem) != NHI_OK)
        return 0;
    keep_name(clean.service, nhi_name_is_service(r->service));
    keep_name(clean.account, nhi_name_is_account(r->account));
    if (!nhi_net_is_address(r->from))
        clean.from[0] = '\0';
    s = find_slot(mem, region_of(&clean), id_of(&clean), &mine);
    n = s != NULL ? add(s, &clean, mine) : add_over(mem, region_of(&clean), clean.at);
    nhi_counter_file_close(&file, fd, mem);
    return n;
}

/* ---- reporting ---- */

static void read_name(char *text, size_t size, bool (*ok)(const char *), bool needed)
{
    text[size - 1] = '\0';
    if ((needed || text[0] != '\0') && !ok(text))
        snprintf(text, size, "%s", needed ? "?" : "");
}

static bool is_print(const char *text)
{
    return strncmp(text, "SHA256:", 7) == 0 && strspn(text + 7, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                                "0123456789+/") == strlen(text + 7);
}

static void read_slot(const struct slot *s, struct nhi_refused *out)
{
    struct nhi_refusal *of = &out->of;

    if (atomic_load(&s->written) == 1)
        *of = s->of;
    if ((unsigned)of->reason >= NHI_REASON_COUNT)
        of->reason = NHI_DENY_INTERNAL;
    read_name(of->service, sizeof(of->service), nhi_name_is_service, true);
    read_name(of->account, sizeof(of->account), nhi_name_is_account, true);
    read_name(of->agent, sizeof(of->agent), nhi_name_is_agent, false);
    read_name(of->task, sizeof(of->task), nhi_name_is_task, false);
    read_name(of->jti, sizeof(of->jti), nhi_name_is_jti, false);
    read_name(of->issuer, sizeof(of->issuer), nhi_name_is_kid, false);
    read_name(of->kid, sizeof(of->kid), nhi_name_is_kid, false);
    read_name(of->key, sizeof(of->key), is_print, false);
    for (size_t i = 0; i < NHI_REFUSED_FROM; i++) {
        memcpy(out->from[out->from_count], s->from[i], sizeof(s->from[i]));
        read_name(out->from[out->from_count], sizeof(s->from[i]), nhi_net_is_address, false);
        out->from_count += out->from[out->from_count][0] != '\0';
    }
}

/* The same numbers always get the same name, whichever process reports them; after a boot, which starts a new file,
 * another. */
static void name_record(const struct nhi_refused *r, uint64_t told, const char *boot, char out[NHI_JTI_LEN + 1])
{
    char digest[NHI_DIGEST_LEN + 1];
    struct nhi_hash256 h;

    nhi_hash256_start(&h);
    nhi_hash256_add(&h, boot, strlen(boot));
    nhi_hash256_add(&h, &r->id, sizeof(r->id));
    nhi_hash256_add(&h, &r->of.at, sizeof(r->of.at));
    nhi_hash256_add(&h, &told, sizeof(told));
    nhi_hash256_end(&h, digest);
    snprintf(out, NHI_JTI_LEN + 1, "%.*s", NHI_JTI_LEN, digest);
}

static bool is_over(uint64_t id, int64_t now)
{
    int64_t hour = (int64_t)(id >> HASH_BITS);

    return hour < now / HOUR || hour > now / HOUR + 1;
}

static bool is_due(struct slot *s, int64_t now)
{
    uint64_t id = atomic_load(&s->id), count = atomic_load(&s->count), told = atomic_load(&s->told);

    return id != 0 && (is_over(id, now) || (count > told && (told == 0 || count >= 2 * told)));
}

static size_t read_due(struct image *im, int64_t now, const char *boot, struct nhi_refused *all)
{
    size_t n = 0;

    for (size_t i = 0; i < NHI_REFUSED_SLOTS; i++) {
        struct slot *s = &im->slots[i];
        struct nhi_refused *r = &all[n];
        uint64_t told = atomic_load(&s->told);

        if (!is_due(s, now))
            continue;
        memset(r, 0, sizeof(*r));
        r->id = atomic_load(&s->id);
        r->slot = i;
        r->seen = atomic_load(&s->count);
        r->count = r->seen > told && r->seen - told <= INT64_MAX ? r->seen - told : 0;
        read_slot(s, r);
        r->last = atomic_load(&s->last);
        if (r->of.at <= 0 || r->of.at > NHI_TIME_MAX || r->last < r->of.at || r->last > NHI_TIME_MAX)
            r->of.at = r->last = now;
        name_record(r, told, boot, r->record);
        n++;
    }
    return n;
}

/* Counts that were added since stay. A slot is freed once its hour has ended. */
static void set_told(struct image *im, int64_t now, const struct nhi_refused *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct slot *s = &im->slots[all[i].slot];

        atomic_store(&s->told, all[i].seen);
        if (!is_over(all[i].id, now) || atomic_load(&s->count) != all[i].seen)
            continue;
        atomic_store(&s->written, 0);
        atomic_store(&s->froms, 0);
        memset(s->from, 0, sizeof(s->from));
        atomic_store(&s->told, 0);
        atomic_store(&s->count, 0);
        atomic_store(&s->id, 0);
    }
}

static bool any_due(struct image *im, int64_t now)
{
    for (size_t i = 0; i < NHI_REFUSED_SLOTS; i++)
        if (is_due(&im->slots[i], now))
            return true;
    return false;
}

bool nhi_refused_is_due(const char *run_dir, int64_t now)
{
    void *mem = NULL;
    int fd = -1;
    bool due;

    if (nhi_counter_file_open(run_dir, &file, true, &fd, &mem) != NHI_OK)
        return false;
    due = any_due(mem, now);
    nhi_counter_file_close(&file, fd, mem);
    return due;
}

enum nhi_err nhi_refused_take(const char *run_dir, int64_t now,
                              int (*fn)(const struct nhi_refused *all, size_t count, void *ctx), void *ctx)
{
    struct nhi_refused *all = NULL;
    enum nhi_err err;
    void *mem = NULL;
    char boot[37];
    size_t count;
    int fd = -1;

    err = nhi_counter_file_open(run_dir, &file, false, &fd, &mem);
    if (err == NHI_ERR_FORMAT)
        nhi_counter_file_remove(run_dir, &file);
    if (err != NHI_OK)
        return err;
    if (!any_due(mem, now))
        goto out;
    err = nhi_boot_id(boot);
    if (err == NHI_OK)
        err = nhi_counter_file_turn(fd);
    if (err == NHI_OK && (all = malloc(NHI_REFUSED_SLOTS * sizeof(*all))) == NULL)
        err = NHI_ERR_NOMEM;
    if (err != NHI_OK)
        goto out;
    count = read_due(mem, now, boot, all);
    if (count > 0 && fn(all, count, ctx) == 0)
        set_told(mem, now, all, count);
out:
    free(all);
    nhi_counter_file_close(&file, fd, mem);
    return err;
}
