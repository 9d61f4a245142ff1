/* SPDX-License-Identifier: ISC */
/*
 * MUST: anything that our own writer would not have left is refused.
 */
#include "libnhi/reserve/reserve_image.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/phase.h"
#include "libnhi/ledger/ledger_ticket.h"

/* Four bits at a time: of[n] is what becomes of n after four steps with the polynomial 0x82f63b78. */
uint32_t nhi_reserve_crc(const void *data, size_t len)
{
    static const uint32_t of[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *p = data;
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ of[crc & 15];
        crc = crc >> 4 ^ of[crc & 15];
    }
    return ~crc;
}

uint32_t nhi_reserve_slot_sum(struct reserve_slot s)
{
    s.sum = 0;
    return htole32(nhi_reserve_crc(&s, sizeof(s)));
}

uint32_t nhi_reserve_header_sum(struct reserve_header h)
{
    h.sum = 0;
    return htole32(nhi_reserve_crc(&h, sizeof(h)));
}

enum nhi_err nhi_reserve_open(const char *dir, int flags, int *fd)
{
    enum nhi_err err;
    int dirfd;

    err = nhi_dir_borrow(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    err = nhi_file_open(dirfd, NHI_RESERVE_FILE, 1, fd);
    if (err == NHI_OK && flags != O_RDONLY) {
        close(*fd);
        *fd = openat(dirfd, NHI_RESERVE_FILE, flags | O_NOFOLLOW | O_CLOEXEC);
        if (*fd < 0)
            err = nhi_err_from_errno(errno);
    }
    nhi_dir_return(dirfd);
    return err;
}

bool nhi_reserve_id_ok(unsigned kind, const char *id)
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

static bool check_image(const union reserve_image *im)
{
    static const struct reserve_slot empty;

    if (memcmp(im->header.magic, NHI_RESERVE_MAGIC, sizeof(im->header.magic)) != 0 || im->header.lockdown > 1 ||
        im->header.sum != nhi_reserve_header_sum(im->header))
        return false;
    for (size_t i = 1; i < RESERVE_SLOTS; i++) {
        const struct reserve_slot *s = &im->slots[i];

        if (memcmp(s, &empty, sizeof(empty)) == 0)
            continue;
        if (i > NHI_RESERVE_SLOTS || s->sum != nhi_reserve_slot_sum(*s) || memchr(s->id, '\0', sizeof(s->id)) == NULL ||
            !nhi_reserve_id_ok(s->kind, s->id))
            return false;
    }
    return true;
}

enum nhi_err nhi_reserve_read(int fd, union reserve_image *im)
{
    size_t have = 0;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return NHI_ERR_SYS;
    if (st.st_size != RESERVE_FILE_SIZE)
        return NHI_ERR_CORRUPT;
    while (have < RESERVE_FILE_SIZE) {
        ssize_t n = pread(fd, im->bytes + have, RESERVE_FILE_SIZE - have, (off_t)have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return NHI_ERR_SYS;
        have += (size_t)n;
    }
    return check_image(im) ? NHI_OK : NHI_ERR_CORRUPT;
}

void nhi_reserve_parse(const union reserve_image *im, struct nhi_reserve *out)
{
    out->lockdown |= im->header.lockdown != 0;
    for (size_t i = 1; i <= NHI_RESERVE_SLOTS; i++) {
        const struct reserve_slot *s = &im->slots[i];
        struct nhi_reserve_slot *to = &out->slots[out->count];

        if (s->kind == 0)
            continue;
        to->kind = (enum nhi_revoke_kind)s->kind;
        to->at = (int64_t)le64toh(s->at);
        memcpy(to->id, s->id, sizeof(to->id));
        out->count++;
    }
}
