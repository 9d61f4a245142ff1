/* SPDX-License-Identifier: ISC */
/*
 * The account snapshot, from which nss_nhi answers.
 *
 * One file of a format of its own, in two copies that nhictl writes one after the other: the durable one, and one on a
 * tmpfs, which is there from the first start of nhictl after a boot and can be mapped. The reader uses libc only,
 * keeps no state between calls and allocates nothing. A file on a disk is read with pread: if a mapped file were cut
 * short, or its disk failed, the process that asked would be killed. A file on a tmpfs has no disk, and nothing of
 * nhi's ever shortens one.
 */
#ifndef NHI_SNAPSHOT_H
#define NHI_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libnhi/base/err.h"
#include "libnhi/base/names.h"

#define NHI_SNAPSHOT_PATH "/var/lib/nhi/accounts"     /* the durable copy */
#define NHI_SNAPSHOT_QUICK "/run/nhi-public/accounts" /* the copy on a tmpfs, if there is one */
#define NHI_AGENTS_GROUP "nhi-agents"                 /* every agent is a member; its gid is the first of the range */
#define NHI_PATH_MAX 255                              /* home directory, shell */
#define NHI_GROUPS_MAX 32                             /* supplementary groups of one agent */

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

/* Writing: begin, add in ascending order of uid, then publish, or commit to one file, or abort. Each of the last three
 * releases the writer, whatever it returns; abort takes NULL. A file is replaced atomically; it is root's, 0644.
 * uid_min..uid_max is the agent range and uid_min the gid of NHI_AGENTS_GROUP. After an add that failed, publish and
 * commit fail as well. Two writers at once do no harm: the last one wins. NHI_ERR_ARG: an account that is not valid or
 * not above the one before it, or (from publish and commit) two with one name. NHI_ERR_FULL, NHI_ERR_NOMEM,
 * NHI_ERR_SYS, and from publish NHI_ERR_UNSAFE: the old file is still in place, except that NHI_ERR_SYS may also mean
 * that the directory could not be fsynced after the rename. */
struct nhi_snapshot_writer;

/* Reading. Open, look up, close. Opening checks type, owner (root), mode (not writable by others), magic, version, size
 * and the header's sum; a look-up checks the sum of each part that it reads. NHI_ERR_NOT_FOUND comes only from the
 * look-ups below: a file that is missing or unreadable is NHI_ERR_SYS with errno, a torn one NHI_ERR_CORRUPT, one that
 * is not root's alone NHI_ERR_UNSAFE, one that a newer release wrote NHI_ERR_VERSION. The result of a look-up is what
 * was asked for: its name and uid have been compared. */
struct nhi_snapshot {
    int fd;                   /* -1: closed, or mapped */
    const unsigned char *map; /* NULL: read by the descriptor */
    uint64_t size;            /* of the file */
    uint64_t tables;          /* offset of the tables, which is the end of the records */
    uint64_t tail;            /* offset of the tail, or 0: it has none */
    uint32_t buckets;         /* of each of the two tables */
    uint32_t uid_min, uid_max;
    uint32_t count; /* accounts, without those that the tail adds */
    bool replaced;  /* when it was opened, it was about to be replaced, or had been */
    dev_t dev;
    ino_t ino;
};

/* One account as it is in the file. The texts are those of a mapping, and valid as long as that, or are in buf. They
 * follow each other, each with its NUL: name first, text_len bytes in all. */
#define NHI_SNAPSHOT_RECORD_MAX 960 /* rounded up to a multiple of 8 */
struct nhi_snapshot_record {
    uint32_t uid;
    uint32_t index; /* in ascending order of uid, from 0 */
    uint32_t group_count;
    uint32_t groups[NHI_GROUPS_MAX];
    const char *name, *gecos, *home, *shell;
    size_t text_len;
    unsigned char buf[NHI_SNAPSHOT_RECORD_MAX];
};

#endif
