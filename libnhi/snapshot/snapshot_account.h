/* SPDX-License-Identifier: ISC */
/*
 * One account: what makes it valid, and its form in the snapshot.
 */
#ifndef NHI_SNAPSHOT_ACCOUNT_H
#define NHI_SNAPSHOT_ACCOUNT_H

#include "libnhi/snapshot/snapshot.h"

/* Whether a uid or gid can belong to an agent at all: 1000 to 2^31-1, but not nobody's (65534) and not (uint16_t)-1.
 * Look-ups of system users end here. */
static inline bool nhi_id_is_ours(uint32_t id)
{
    return id >= 1000 && id <= INT32_MAX && id != 65534 && id != 65535;
}

/* Whether uid_min..uid_max can be the agent range, and whether a can be an account in it. */
bool nhi_range_is_valid(uint32_t uid_min, uint32_t uid_max);
bool nhi_account_is_valid(const struct nhi_account *a, uint32_t uid_min, uint32_t uid_max);

/* An account as a record, with its sum and the zeros after it. record: NHI_SNAPSHOT_RECORD_MAX bytes; a must be valid.
 * Returns the length with the zeros. */
size_t nhi_account_encode(const struct nhi_account *a, uint32_t index, unsigned char *record);
/* bytes: a record, room bytes to the end of what may be one. Gives only what has a right sum, accounts of that range,
 * and groups that an agent may have; what texts consist of, only the writer has checked. The texts of r point into
 * bytes. After NHI_ERR_CORRUPT, r is undefined. */
NHI_CHECK enum nhi_err nhi_account_decode(const unsigned char *bytes, size_t room, uint32_t uid_min, uint32_t uid_max,
                                          struct nhi_snapshot_record *r);
void nhi_account_of_record(const struct nhi_snapshot_record *r, struct nhi_account *out);

#endif
