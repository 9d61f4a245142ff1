/*
 * The snapshot file, for its reader and its writer alone.
 *
 * Format 1: a cdb (https://cr.yp.to/cdb/cdb.txt). ID and INDEX are decimal text in keys,
 * since cdb's hash takes raw small integers to few values. In values, numbers are 32 bits, little
 * endian, and text ends in a NUL.
 *
 *   key        value
 *   header     magic (8 bytes), version, uid_min, uid_max, count, members_len, file size; always
 *              the first record, so that one read finds it
 *   n NAME     version, uid, number of groups, gids, name, gecos, home, shell
 *   u ID       the same once more
 *   i INDEX    index, uid
 *   m          the names of all accounts
 *
 * Every value ends in cdb_hash() of the bytes before it. That finds rot, not forgery: who may
 * write the file may write anything, which is why the owner is checked.
 */
#ifndef NHI_SNAPSHOT_FORMAT_H
#define NHI_SNAPSHOT_FORMAT_H

#include <stddef.h>

#include "libnhi/snapshot.h"

#define NHI_SNAPSHOT_MAGIC "NHI-ACC\n"
#define NHI_SNAPSHOT_MAGIC_LEN 8
#define NHI_SNAPSHOT_VERSION 1
#define NHI_SNAPSHOT_TOC_LEN 2048 /* cdb's own table of 256 hash tables */
#define NHI_SNAPSHOT_HEADER_KEY "header"
#define NHI_SNAPSHOT_HEADER_LEN (NHI_SNAPSHOT_MAGIC_LEN + 7 * 4)
#define NHI_SNAPSHOT_RECORD_MAX 1024 /* an account with its lengths and its key */
#define NHI_SNAPSHOT_LENGTHS_LEN 8   /* key length and value length before every record */
#define NHI_SNAPSHOT_CHECK_LEN 4
#define NHI_SNAPSHOT_KEY_MAX (1 + NHI_AGENT_MAX)
#define NHI_SNAPSHOT_VALUE_MAX                                                                     \
    (4 * (3 + NHI_GROUPS_MAX) + NHI_AGENT_MAX + NHI_TEXT_MAX + 2 * NHI_PATH_MAX + 4 +              \
     NHI_SNAPSHOT_CHECK_LEN)

_Static_assert(NHI_SNAPSHOT_RECORD_MAX >=
                   NHI_SNAPSHOT_LENGTHS_LEN + NHI_SNAPSHOT_KEY_MAX + NHI_SNAPSHOT_VALUE_MAX,
               "one read takes a whole account");

/* A key of one letter and a number: "u65537". key: at least NHI_SNAPSHOT_KEY_MAX + 1 bytes. */
void nhi_snapshot_key(char kind, uint32_t number, char *key);

/* An account as a value, without the check. value: at least NHI_SNAPSHOT_VALUE_MAX bytes; a must
 * be valid. decode gives only valid accounts of that range, or NHI_ERR_CORRUPT. */
size_t nhi_account_encode(const struct nhi_account *a, unsigned char *value);
NHI_CHECK enum nhi_err nhi_account_decode(const unsigned char *value, size_t len, uint32_t uid_min,
                                          uint32_t uid_max, struct nhi_account *out);

#endif
