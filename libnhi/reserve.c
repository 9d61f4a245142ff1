/*
 * The reserve file.
 *
 * MUST: every slot lies in one 512-byte sector, so that a write is there or not. MUST: whatever is not
 * exactly what a writer of ours leaves behind reads as lockdown. Writers are root's nhictl and exclude each
 * other with flock; pam_nhi takes no lock.
 */
#include "libnhi/reserve.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/paths.h"

#define SLOT_SIZE 128
#define SLOTS (NHI_RESERVE_SLOTS + 2) /* the header, and one more to fill the last sector */
#define FILE_SIZE (SLOT_SIZE * SLOTS)
#define FROM_RESERVE "recorded in the reserve"

static const char magic[16] = "nhi-reserve-v1";

/* All integers little-endian. Zero bytes: an empty slot. sum: CRC-32C of the slot with a sum of zero,
 * so that no flipped bit makes a revocation another one, or none. */
struct slot {
    uint8_t kind;
    uint8_t zero[3];
    uint32_t sum;
    uint64_t at;
    char id[SLOT_SIZE - 16];
};

struct header {
    char magic[16];
    uint8_t lockdown;
    uint8_t zero[3];
    uint32_t sum;
    uint8_t rest[SLOT_SIZE - 24];
};

union image {
    struct header header;
    struct slot slots[SLOTS];
    char bytes[FILE_SIZE];
};

static uint32_t crc32c(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint32_t crc = UINT32_MAX;
    size_t i;
    int bit;

    for (i = 0; i < len; i++) {
        crc ^= p[i];
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

static uint32_t slot_sum(struct slot s)
{
    s.sum = 0;
    return htole32(crc32c(&s, sizeof s));
}

static uint32_t header_sum(struct header h)
{
    h.sum = 0;
    return htole32(crc32c(&h, sizeof h));
}

static enum nhi_err open_file(const char *dir, int flags, int *fd)
{
    enum nhi_err err;
    int dirfd;

    err = nhi_dir_open(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    err = nhi_file_open(dirfd, NHI_RESERVE_FILE, 1, fd);
    if (err == NHI_OK && flags != O_RDONLY) {
        close(*fd);
        *fd = openat(dirfd, NHI_RESERVE_FILE, flags | O_NOFOLLOW | O_CLOEXEC);
        if (*fd < 0)
            err = nhi_err_from_errno(errno);
    }
    close(dirfd);
    return err;
}

static bool id_ok(unsigned kind, const char *id)
{
    switch (kind) {
    case NHI_REVOKE_TICKET:
        return nhi_name_is_jti(id);
    case NHI_REVOKE_TASK:
        return nhi_name_is_task(id);
    case NHI_REVOKE_AGENT:
        return nhi_name_is_agent(id);
    case NHI_REVOKE_ISSUER:
        return nhi_name_is_kid(id);
    default:
        return false;
    }
}

static bool check_image(const union image *im)
{
    static const struct slot empty;
    size_t i;

    if (memcmp(im->header.magic, magic, sizeof magic) != 0 || im->header.lockdown > 1 ||
        im->header.sum != header_sum(im->header))
        return false;
    for (i = 1; i < SLOTS; i++) {
        const struct slot *s = &im->slots[i];

        if (memcmp(s, &empty, sizeof empty) == 0)
            continue;
        if (i > NHI_RESERVE_SLOTS || s->sum != slot_sum(*s) ||
            memchr(s->id, '\0', sizeof s->id) == NULL || !id_ok(s->kind, s->id))
            return false;
    }
    return true;
}

static enum nhi_err read_image(int fd, union image *im)
{
    size_t have = 0;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return NHI_ERR_SYS;
    if (st.st_size != FILE_SIZE)
        return NHI_ERR_CORRUPT;
    while (have < FILE_SIZE) {
        ssize_t n = pread(fd, im->bytes + have, FILE_SIZE - have, (off_t)have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return NHI_ERR_SYS;
        have += (size_t)n;
    }
    return check_image(im) ? NHI_OK : NHI_ERR_CORRUPT;
}

/* Of an image that read_image has checked. */
static void parse(const union image *im, struct nhi_reserve *out)
{
    size_t i;

    memset(out, 0, sizeof *out);
    out->lockdown = im->header.lockdown != 0;
    for (i = 1; i <= NHI_RESERVE_SLOTS; i++) {
        const struct slot *s = &im->slots[i];
        struct nhi_reserve_slot *to = &out->slots[out->count];

        if (s->kind == 0)
            continue;
        to->kind = (enum nhi_revoke_kind)s->kind;
        to->at = (int64_t)le64toh(s->at);
        memcpy(to->id, s->id, sizeof to->id);
        out->count++;
    }
}

enum nhi_err nhi_reserve_create(const char *dir)
{
    union image *im;
    enum nhi_err err;
    int dirfd;

    im = calloc(1, sizeof *im);
    if (im == NULL)
        return NHI_ERR_NOMEM;
    memcpy(im->header.magic, magic, sizeof magic);
    im->header.sum = header_sum(im->header);
    err = nhi_dir_open(dir, &dirfd);
    if (err == NHI_OK) {
        if (faccessat(dirfd, NHI_RESERVE_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            err = NHI_ERR_EXISTS;
        else
            err = nhi_file_replace(dirfd, NHI_RESERVE_FILE, 0600, im->bytes, sizeof im->bytes);
        close(dirfd);
    }
    free(im);
    return err;
}

enum nhi_err nhi_reserve_load(const char *dir, struct nhi_reserve *out)
{
    union image *im;
    enum nhi_err err;
    int fd;

    im = malloc(sizeof *im);
    if (im == NULL)
        return NHI_ERR_NOMEM;
    err = open_file(dir, O_RDONLY, &fd);
    if (err == NHI_OK) {
        err = read_image(fd, im);
        close(fd);
    }
    if (err == NHI_OK)
        parse(im, out);
    free(im);
    return err;
}

static enum nhi_err put_slot(int fd, size_t place, const struct slot *s)
{
    ssize_t n = pwrite(fd, s, sizeof *s, (off_t)(place * SLOT_SIZE));

    if (n != (ssize_t)sizeof *s)
        return n < 0 ? nhi_err_from_errno(errno) : NHI_ERR_SYS;
    return NHI_OK;
}

/* The slot that holds this already, else the first empty one. 0: full. */
static size_t place_for(const union image *im, const struct slot *want)
{
    size_t i, empty = 0;

    for (i = NHI_RESERVE_SLOTS; i >= 1; i--) {
        if (im->slots[i].kind == want->kind && strcmp(im->slots[i].id, want->id) == 0)
            return i;
        if (im->slots[i].kind == 0)
            empty = i;
    }
    return empty;
}

enum nhi_err nhi_reserve_add(const char *dir, enum nhi_revoke_kind kind, const char *id, int64_t at)
{
    struct slot s = { .kind = (uint8_t)kind, .at = htole64((uint64_t)at) };
    union image *im;
    enum nhi_err err;
    size_t place;
    int fd = -1;

    if (!id_ok((unsigned)kind, id))
        return NHI_ERR_ARG;
    memcpy(s.id, id, strlen(id));
    s.sum = slot_sum(s);
    im = malloc(sizeof *im);
    if (im == NULL)
        return NHI_ERR_NOMEM;
    err = open_file(dir, O_RDWR, &fd);
    if (err != NHI_OK)
        goto out;
    if (flock(fd, LOCK_EX) != 0)
        err = NHI_ERR_SYS;
    if (err == NHI_OK)
        err = read_image(fd, im);
    if (err == NHI_OK) {
        place = place_for(im, &s);
        /* What is there already stays, but for an agent's moment, which never moves back. */
        if (place == 0)
            err = NHI_ERR_FULL;
        else if (im->slots[place].kind == 0 ||
                 (kind == NHI_REVOKE_AGENT && (int64_t)le64toh(im->slots[place].at) < at))
            err = put_slot(fd, place, &s);
    }
    if (err == NHI_OK && fdatasync(fd) != 0)
        err = nhi_err_from_errno(errno);
    close(fd);
out:
    free(im);
    return err;
}

enum nhi_err nhi_reserve_lock_down(const char *dir, bool on)
{
    union image *im = malloc(sizeof *im);
    enum nhi_err err;
    int fd = -1;

    if (im == NULL)
        return NHI_ERR_NOMEM;
    err = open_file(dir, O_RDWR, &fd);
    if (err == NHI_OK && flock(fd, LOCK_EX) != 0)
        err = NHI_ERR_SYS;
    if (err == NHI_OK)
        err = read_image(fd, im);
    if (err == NHI_OK) {
        im->header.lockdown = on;
        im->header.sum = header_sum(im->header);
        err = put_slot(fd, 0, &im->slots[0]);
    }
    if (err == NHI_OK && fdatasync(fd) != 0)
        err = nhi_err_from_errno(errno);
    if (fd >= 0)
        close(fd);
    free(im);
    return err;
}

static enum nhi_err drain_into(struct nhi_ledger *l, const struct nhi_reserve *r, int64_t now)
{
    enum nhi_err err;
    size_t i;

    err = nhi_ledger_begin(l, now);
    for (i = 0; i < r->count && err == NHI_OK; i++) {
        const struct nhi_reserve_slot *s = &r->slots[i];
        struct nhi_event e = { .at = s->at, .kind = "revoke", .cause = FROM_RESERVE };

        err = nhi_revoke(l, s->kind, s->id, FROM_RESERVE, s->at, NULL);
        /* An agent or issuer that the ledger never knew has nothing to revoke. */
        if (err == NHI_ERR_NOT_FOUND)
            err = NHI_OK;
        if (s->kind == NHI_REVOKE_TICKET)
            memcpy(e.jti, s->id, sizeof e.jti);
        else if (s->kind == NHI_REVOKE_TASK)
            memcpy(e.task, s->id, sizeof e.task);
        else if (s->kind == NHI_REVOKE_AGENT)
            memcpy(e.agent, s->id, sizeof e.agent);
        else
            memcpy(e.kid, s->id, sizeof e.kid);
        if (err == NHI_OK)
            err = nhi_event_add(l, &e);
    }
    if (err == NHI_OK)
        return nhi_ledger_commit(l);
    nhi_ledger_rollback(l);
    return err;
}

enum nhi_err nhi_reserve_drain(const char *dir, struct nhi_ledger *l, int64_t now, uint32_t *moved)
{
    struct nhi_reserve *r = malloc(sizeof *r);
    union image *im = malloc(sizeof *im);
    const struct slot empty = { .kind = 0 };
    enum nhi_err err = NHI_ERR_NOMEM;
    size_t i;
    int fd = -1;

    if (r == NULL || im == NULL)
        goto out;
    err = open_file(dir, O_RDWR, &fd);
    if (err != NHI_OK)
        goto out;
    if (flock(fd, LOCK_EX) != 0)
        err = NHI_ERR_SYS;
    if (err == NHI_OK)
        err = read_image(fd, im);
    if (err == NHI_OK)
        parse(im, r);
    if (err == NHI_OK && r->count > 0)
        err = drain_into(l, r, now);
    /* Only now that the ledger has them on disk. */
    for (i = 1; err == NHI_OK && r->count > 0 && i <= NHI_RESERVE_SLOTS; i++)
        if (im->slots[i].kind != 0)
            err = put_slot(fd, i, &empty);
    if (err == NHI_OK && r->count > 0 && fdatasync(fd) != 0)
        err = nhi_err_from_errno(errno);
    if (err == NHI_OK && moved != NULL)
        *moved = (uint32_t)r->count;
    close(fd);
out:
    free(r);
    free(im);
    return err;
}

static bool is_ancestor(const struct nhi_facts *f, const char *jti)
{
    size_t i;

    for (i = 0; i < f->ancestor_count; i++)
        if (strcmp(f->ancestors[i], jti) == 0)
            return true;
    return false;
}

void nhi_reserve_apply(const struct nhi_reserve *r, const struct nhi_ticket *t, struct nhi_facts *f)
{
    size_t i;

    f->lockdown = f->lockdown || r->lockdown;
    for (i = 0; i < r->count && t != NULL; i++) {
        const struct nhi_reserve_slot *s = &r->slots[i];

        switch (s->kind) {
        case NHI_REVOKE_TICKET:
            f->revoked |= strcmp(s->id, t->jti) == 0 || strcmp(s->id, t->parent) == 0 ||
                          is_ancestor(f, s->id);
            break;
        case NHI_REVOKE_TASK:
            f->revoked |= strcmp(s->id, t->task) == 0;
            break;
        case NHI_REVOKE_AGENT:
            f->revoked |= strcmp(s->id, t->agent) == 0 && nhi_issued_by(&f->issuer, t, s->at);
            break;
        case NHI_REVOKE_ISSUER:
            if (strcmp(s->id, t->kid) == 0)
                f->issuer.state = NHI_ISSUER_REVOKED;
            break;
        }
    }
}
