/* SPDX-License-Identifier: ISC */
/*
 * The account snapshot, from which nss_nhi answers.
 *
 * One constant database (cdb) that nhictl writes beside the old one, fsyncs and renames. The reader uses libc and
 * tinycdb only, keeps no state between calls, allocates nothing, and reads with pread rather than a mapping: if a
 * mapped file were cut short, the process that asked would be killed.
 */
#ifndef NHI_SNAPSHOT_H
#define NHI_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libnhi/base/err.h"
#include "libnhi/base/names.h"

#define NHI_SNAPSHOT_PATH "/var/lib/nhi/accounts.cdb"
#define NHI_AGENTS_GROUP "nhi-agents" /* every agent is a member; its gid is the first of the range */
#define NHI_PATH_MAX 255              /* home directory, shell */
#define NHI_GROUPS_MAX 32             /* supplementary groups of one agent */

/* gecos: empty, or text by names.h. home and shell: such text that starts with a slash. None of them may have a colon,
 * which passwd(5) lines cannot carry: the caller replaces it. */
struct nhi_account {
    char name[NHI_AGENT_MAX + 1]; /* never NHI_AGENTS_GROUP */
    uint32_t uid;                 /* also the gid of its own group, which has its name */
    char gecos[NHI_TEXT_MAX + 1];
    char home[NHI_PATH_MAX + 1];
    char shell[NHI_PATH_MAX + 1];
    uint32_t groups[NHI_GROUPS_MAX]; /* gids besides its own and that of NHI_AGENTS_GROUP */
    uint32_t group_count;
};

/* Writing: begin, add in ascending order of uid, commit or abort. commit and abort release the writer, whatever commit
 * returns; abort takes NULL. path is replaced atomically; the file is root's, 0644. uid_min..uid_max is the agent range
 * and uid_min the gid of NHI_AGENTS_GROUP. After an add that failed, commit fails as well. Two writers at once do no
 * harm: the last commit wins. NHI_ERR_ARG: an account that is not valid, not above the one before it, or whose name is
 * taken. NHI_ERR_FULL, NHI_ERR_NOMEM, NHI_ERR_SYS: the old file is still in place, except that NHI_ERR_SYS may also
 * mean that the directory could not be fsynced after the rename. */
struct nhi_snapshot_writer;

/* Reading. Open, look up, close, within one call of the host: nothing is kept. Opening checks type, owner (root), mode
 * (not writable by others), magic, version and size. NHI_ERR_NOT_FOUND comes only from the look-ups below: a file that
 * is missing or unreadable is NHI_ERR_SYS with errno, a torn one NHI_ERR_CORRUPT, one that is not root's alone
 * NHI_ERR_UNSAFE, one that a newer release wrote NHI_ERR_VERSION. The result of a look-up is what was asked for: its
 * name and uid have been compared. */
struct nhi_snapshot {
    int fd;
    uint32_t size; /* of the file */
    uint32_t uid_min, uid_max;
    uint32_t count;       /* accounts */
    uint32_t members_len; /* bytes that nhi_snapshot_members writes */
};

#endif
