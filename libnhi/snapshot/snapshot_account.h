/* SPDX-License-Identifier: ISC */
/*
 * One account: what makes it valid, and its form in the snapshot.
 */
#ifndef NHI_SNAPSHOT_ACCOUNT_H
#define NHI_SNAPSHOT_ACCOUNT_H

#include "libnhi/snapshot/snapshot.h"

/* Whether a uid or gid can belong to an agent at all: 1000 to 2^31-1, but not nobody's (65534) and not (uint16_t)-1.
 * Look-ups of system users end here. */
bool nhi_id_is_ours(uint32_t id);
/* Whether uid_min..uid_max can be the agent range, and whether a can be an account in it. */
bool nhi_range_is_valid(uint32_t uid_min, uint32_t uid_max);
bool nhi_account_is_valid(const struct nhi_account *a, uint32_t uid_min, uint32_t uid_max);

/* A key of one letter and a number: "u65537". key: at least NHI_SNAPSHOT_KEY_MAX + 1 bytes. */
void nhi_snapshot_key(char kind, uint32_t number, char *key);
/* An account as a value, without the check. value: at least NHI_SNAPSHOT_VALUE_MAX bytes; a must
 * be valid. decode gives only valid accounts of that range, or NHI_ERR_CORRUPT. */
size_t nhi_account_encode(const struct nhi_account *a, unsigned char *value);
NHI_CHECK enum nhi_err nhi_account_decode(const unsigned char *value, size_t len, uint32_t uid_min, uint32_t uid_max,
                                          struct nhi_account *out);

#endif
