/* SPDX-License-Identifier: ISC */
/*
 * MUST: nothing that is wrong with this file prevents a revocation. MUST: every note lies in one 512-byte sector, so
 * that it is written completely or not at all.
 */
#include "libnhi/reserve/reserve_notes.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_image.h"

#define NOTE_SIZE 512

/* All integers little-endian. Zero bytes: no note. sum: CRC-32C of the note with a sum of zero. */
struct image {
    uint32_t sum;
    uint32_t kind;
    int64_t at, uid, loginuid, sudo_uid;
    char id[NHI_TASK_MAX + 1];
    char reason[NHI_TEXT_MAX + 1];
    char rest[NOTE_SIZE - 40 - (NHI_TASK_MAX + 1) - (NHI_TEXT_MAX + 1)];
};
_Static_assert(sizeof(struct image) == NOTE_SIZE, "a note is a sector");

struct nhi_reserve_notes {
    int fd;
    struct image had[NHI_RESERVE_NOTES];
    struct nhi_reserve_note note[NHI_RESERVE_NOTES];
};

static uint32_t sum_of(struct image i)
{
    i.sum = 0;
    return htole32(nhi_reserve_crc(&i, sizeof(i)));
}

enum nhi_err nhi_reserve_notes_create(const char *dir)
{
    struct image *all = calloc(NHI_RESERVE_NOTES, sizeof(*all));
    enum nhi_err err;
    int dirfd;

    if (all == NULL)
        return NHI_ERR_NOMEM;
    err = nhi_dir_open(dir, &dirfd);
    if (err == NHI_OK) {
        if (faccessat(dirfd, NHI_NOTES_FILE, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
            err = nhi_file_replace(dirfd, NHI_NOTES_FILE, 0600, all, NHI_RESERVE_NOTES * sizeof(*all));
        close(dirfd);
    }
    free(all);
    return err;
}

static enum nhi_err open_notes(const char *dir, int *fd)
{
    enum nhi_err err;
    int dirfd, checked;

    err = nhi_dir_open(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    err = nhi_file_open(dirfd, NHI_NOTES_FILE, 1, &checked);
    if (err == NHI_OK) {
        close(checked);
        *fd = openat(dirfd, NHI_NOTES_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (*fd < 0)
            err = nhi_err_from_errno(errno);
    }
    close(dirfd);
    return err;
}

/* Each writer locks only its own place, so that a stopped writer holds up nobody. false: the place has changed. */
static bool take(int fd, size_t place, const struct image *was)
{
    struct flock l = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)(place * NOTE_SIZE), .l_len = NOTE_SIZE
    };
    struct image now;

    return fcntl(fd, F_OFD_SETLK, &l) == 0 && pread(fd, &now, sizeof(now), l.l_start) == (ssize_t)sizeof(now) &&
           memcmp(&now, was, sizeof(now)) == 0;
}

static enum nhi_err put(int fd, size_t place, const struct image *i)
{
    ssize_t n = pwrite(fd, i, sizeof(*i), (off_t)(place * NOTE_SIZE));

    if (n != (ssize_t)sizeof(*i))
        return n < 0 ? nhi_err_from_errno(errno) : NHI_ERR_SYS;
    return NHI_OK;
}

enum nhi_err nhi_reserve_note_add(const char *dir, const struct nhi_reserve_note *n)
{
    static const struct image empty;
    struct image i = { .kind = htole32(n->kind),
                       .at = (int64_t)htole64((uint64_t)n->at),
                       .uid = (int64_t)htole64((uint64_t)n->uid),
                       .loginuid = (int64_t)htole64((uint64_t)n->loginuid),
                       .sudo_uid = (int64_t)htole64((uint64_t)n->sudo_uid) };
    enum nhi_err err = NHI_ERR_FULL;
    int fd = -1;

    memcpy(i.id, n->id, strnlen(n->id, sizeof(i.id) - 1));
    memcpy(i.reason, n->reason, strnlen(n->reason, sizeof(i.reason) - 1));
    i.sum = sum_of(i);
    if (open_notes(dir, &fd) != NHI_OK)
        return NHI_ERR_NOT_FOUND;
    for (size_t place = 0; place < NHI_RESERVE_NOTES && err == NHI_ERR_FULL; place++)
        if (take(fd, place, &empty))
            err = put(fd, place, &i);
    if (err == NHI_OK && fdatasync(fd) != 0)
        err = nhi_err_from_errno(errno);
    close(fd);
    return err;
}

static void parse(const struct image *i, struct nhi_reserve_note *n)
{
    unsigned kind = le32toh(i->kind);
    bool lockdown = kind == NHI_NOTE_LOCKDOWN_ON || kind == NHI_NOTE_LOCKDOWN_OFF;

    memset(n, 0, sizeof(*n));
    if (kind == 0 || i->sum != sum_of(*i) || memchr(i->id, '\0', sizeof(i->id)) == NULL ||
        memchr(i->reason, '\0', sizeof(i->reason)) == NULL ||
        (i->reason[0] != '\0' && !nhi_name_is_text(i->reason, NHI_TEXT_MAX)) ||
        (lockdown ? i->id[0] != '\0' : !nhi_reserve_id_ok(kind, i->id)))
        return;
    n->kind = kind;
    n->at = (int64_t)le64toh((uint64_t)i->at);
    n->uid = (int64_t)le64toh((uint64_t)i->uid);
    n->loginuid = (int64_t)le64toh((uint64_t)i->loginuid);
    n->sudo_uid = (int64_t)le64toh((uint64_t)i->sudo_uid);
    memcpy(n->id, i->id, sizeof(n->id));
    memcpy(n->reason, i->reason, sizeof(n->reason));
}

enum nhi_err nhi_reserve_notes_open(const char *dir, struct nhi_reserve_notes **out)
{
    struct nhi_reserve_notes *n = calloc(1, sizeof(*n));
    enum nhi_err err;

    if (n == NULL)
        return NHI_ERR_NOMEM;
    err = open_notes(dir, &n->fd);
    if (err == NHI_OK && pread(n->fd, n->had, sizeof(n->had), 0) != (ssize_t)sizeof(n->had)) {
        close(n->fd);
        err = NHI_ERR_CORRUPT;
    }
    if (err != NHI_OK) {
        free(n);
        return err;
    }
    for (size_t i = 0; i < NHI_RESERVE_NOTES; i++)
        parse(&n->had[i], &n->note[i]);
    *out = n;
    return NHI_OK;
}

const struct nhi_reserve_note *nhi_reserve_notes_next(const struct nhi_reserve_notes *n, size_t *at)
{
    while (n != NULL && *at < NHI_RESERVE_NOTES) {
        const struct nhi_reserve_note *one = &n->note[(*at)++];

        if (one->kind != 0)
            return one;
    }
    return NULL;
}

enum nhi_err nhi_reserve_notes_clear(struct nhi_reserve_notes *n)
{
    static const struct image empty;
    enum nhi_err err = NHI_OK;
    bool any = false;

    for (size_t i = 0; i < NHI_RESERVE_NOTES && err == NHI_OK; i++)
        if (memcmp(&n->had[i], &empty, sizeof(empty)) != 0 && take(n->fd, i, &n->had[i])) {
            any = true;
            err = put(n->fd, i, &empty);
        }
    if (err == NHI_OK && any && fdatasync(n->fd) != 0)
        err = nhi_err_from_errno(errno);
    return err;
}

void nhi_reserve_notes_close(struct nhi_reserve_notes *n)
{
    if (n == NULL)
        return;
    close(n->fd);
    free(n);
}
