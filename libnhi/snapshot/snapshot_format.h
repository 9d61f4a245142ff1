/* SPDX-License-Identifier: ISC */
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
 *   u ID       the same value again
 *   i INDEX    index, uid
 *   m          the names of all accounts
 *
 * Every value ends in cdb_hash() of the bytes before it. That finds rot, not forgery: anybody
 * who can write the file can write anything, which is why the owner is checked.
 */
#ifndef NHI_SNAPSHOT_FORMAT_H
#define NHI_SNAPSHOT_FORMAT_H

#include <stddef.h>

#include "libnhi/snapshot/snapshot.h"

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
#define NHI_SNAPSHOT_VALUE_MAX \
    (4 * (3 + NHI_GROUPS_MAX) + NHI_AGENT_MAX + NHI_TEXT_MAX + 2 * NHI_PATH_MAX + 4 + NHI_SNAPSHOT_CHECK_LEN)

_Static_assert(NHI_SNAPSHOT_RECORD_MAX >= NHI_SNAPSHOT_LENGTHS_LEN + NHI_SNAPSHOT_KEY_MAX + NHI_SNAPSHOT_VALUE_MAX,
               "one read takes a whole account");

#endif
