/* SPDX-License-Identifier: ISC */
/*
 * The bytes of the reserve file, for its reader and its writer only.
 */
#ifndef NHI_RESERVE_IMAGE_H
#define NHI_RESERVE_IMAGE_H

#include "libnhi/reserve/reserve.h"

#define RESERVE_SLOT_SIZE 128
#define RESERVE_SLOTS (NHI_RESERVE_SLOTS + 2) /* the header, and one more to fill the last sector */
#define RESERVE_FILE_SIZE (RESERVE_SLOT_SIZE * RESERVE_SLOTS)

#define NHI_RESERVE_MAGIC "nhi-reserve-v1\0" /* 16 bytes with the last NUL */

/* All integers little-endian. Zero bytes: an empty slot. sum: CRC-32C of the slot with a sum of zero, so that a flipped
 * bit cannot change or undo a revocation. */
struct reserve_slot {
    uint8_t kind;
    uint8_t zero[3];
    uint32_t sum;
    uint64_t at;
    char id[RESERVE_SLOT_SIZE - 16];
};

struct reserve_header {
    char magic[16];
    uint8_t lockdown;
    uint8_t zero[3];
    uint32_t sum;
    uint8_t rest[RESERVE_SLOT_SIZE - 24];
};

union reserve_image {
    struct reserve_header header;
    struct reserve_slot slots[RESERVE_SLOTS];
    char bytes[RESERVE_FILE_SIZE];
};

uint32_t nhi_reserve_crc(const void *data, size_t len);
uint32_t nhi_reserve_slot_sum(struct reserve_slot s);
uint32_t nhi_reserve_header_sum(struct reserve_header h);
/* Whether the ID is well-formed for that kind of revocation. */
bool nhi_reserve_id_ok(unsigned kind, const char *id);
/* flags: O_RDONLY or O_RDWR. The caller closes fd. */
NHI_CHECK enum nhi_err nhi_reserve_open(const char *dir, int flags, int *fd);
/* Reads the whole file. NHI_ERR_CORRUPT: our own writer would not have left this. */
NHI_CHECK enum nhi_err nhi_reserve_read(int fd, union reserve_image *im);
/* Adds its lockdown and its slots. im: checked by nhi_reserve_read. */
void nhi_reserve_parse(const union reserve_image *im, struct nhi_reserve *out);

#endif
