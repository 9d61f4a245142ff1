/*
 * The account snapshot: what nss_nhi answers from.
 *
 * One constant database (cdb) that nhictl writes beside the old one, fsyncs and renames. The
 * reader uses libc and tinycdb only, keeps no state between calls, allocates nothing, and reads
 * with pread rather than a mapping: a file that is cut short under a mapping would kill whatever
 * process asked.
 */
#ifndef NHI_SNAPSHOT_H
#define NHI_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libnhi/err.h"
#include "libnhi/names.h"

#define NHI_SNAPSHOT_PATH "/var/lib/nhi/accounts.cdb"
#define NHI_AGENTS_GROUP                                                                           \
    "nhi-agents"          /* every agent is a member; its gid is the first of the range */
#define NHI_PATH_MAX 255  /* home directory, shell */
#define NHI_GROUPS_MAX 32 /* supplementary groups of one agent */

/* gecos: empty, or text by names.h. home and shell: such text that starts with a slash. None of
 * them may hold a colon, which passwd(5) lines cannot carry: whoever fills this in replaces it. */
struct nhi_account {
    char name[NHI_AGENT_MAX + 1]; /* never NHI_AGENTS_GROUP */
    uint32_t uid;                 /* also the gid of its own group, which has its name */
    char gecos[NHI_TEXT_MAX + 1];
    char home[NHI_PATH_MAX + 1];
    char shell[NHI_PATH_MAX + 1];
    uint32_t groups[NHI_GROUPS_MAX]; /* gids besides its own and that of NHI_AGENTS_GROUP */
    uint32_t group_count;
};

/* Whether a uid or gid can be one of ours at all: 1000 to 2^31-1, but not nobody's (65534) and not
 * (uint16_t)-1. Lookups of system users end here. */
bool nhi_id_is_ours(uint32_t id);

/* Whether uid_min..uid_max can be the agent range, and a an account in it. */
bool nhi_range_is_valid(uint32_t uid_min, uint32_t uid_max);
bool nhi_account_is_valid(const struct nhi_account *a, uint32_t uid_min, uint32_t uid_max);

/* Writing: begin, add in ascending uid, commit or abort. commit and abort release the writer,
 * whatever commit returns; abort takes NULL. path is replaced atomically; the file is root's, 0644.
 * uid_min..uid_max is the agent range and uid_min the gid of NHI_AGENTS_GROUP. After an add that
 * failed, commit fails as well. Two writers at once do no harm: the last commit wins.
 * NHI_ERR_ARG: an account that is not valid, not above the one before it, or whose name is
 * taken. NHI_ERR_FULL, NHI_ERR_NOMEM, NHI_ERR_SYS: the old file is still in place, except that
 * NHI_ERR_SYS may also mean that the directory could not be fsynced after the rename. */
struct nhi_snapshot_writer;
NHI_CHECK enum nhi_err nhi_snapshot_begin(const char *path, uint32_t uid_min, uint32_t uid_max,
                                          struct nhi_snapshot_writer **out);
NHI_CHECK enum nhi_err nhi_snapshot_add(struct nhi_snapshot_writer *w, const struct nhi_account *a);
NHI_CHECK enum nhi_err nhi_snapshot_commit(struct nhi_snapshot_writer *w);
void nhi_snapshot_abort(struct nhi_snapshot_writer *w);

/* Reading. Open, ask, close, within one call of the host's: nothing is kept. Opening checks type,
 * owner (root), mode (not writable by others), magic, version and size. NHI_ERR_NOT_FOUND comes
 * only from the lookups below: a file that is missing or unreadable is NHI_ERR_SYS with errno, a
 * torn one NHI_ERR_CORRUPT, one that is not root's alone NHI_ERR_UNSAFE, one that a newer release
 * wrote NHI_ERR_VERSION. What a lookup gives was asked for: name and uid in it have been compared.
 */
struct nhi_snapshot {
    int fd;
    uint32_t size; /* of the file */
    uint32_t uid_min, uid_max;
    uint32_t count;       /* accounts */
    uint32_t members_len; /* bytes that nhi_snapshot_members writes */
};
NHI_CHECK enum nhi_err nhi_snapshot_open(const char *path, struct nhi_snapshot *out);
void nhi_snapshot_close(struct nhi_snapshot *s);
/* Whether uid is an agent's by the range in the snapshot at path. An unreadable one has none. */
bool nhi_snapshot_range_has(const char *path, uint32_t uid);

NHI_CHECK enum nhi_err nhi_snapshot_by_name(const struct nhi_snapshot *s, const char *name,
                                            struct nhi_account *out);
NHI_CHECK enum nhi_err nhi_snapshot_by_uid(const struct nhi_snapshot *s, uint32_t uid,
                                           struct nhi_account *out);
/* index: 0 to count - 1, in ascending uid. */
NHI_CHECK enum nhi_err nhi_snapshot_by_index(const struct nhi_snapshot *s, uint32_t index,
                                             struct nhi_account *out);
/* The number of an agent's own account by the snapshot at path, whoever else has that name on this host. Any failure is
 * one of opening it or NHI_ERR_NOT_FOUND. */
NHI_CHECK enum nhi_err nhi_snapshot_uid_of(const char *path, const char *name, uint32_t *uid);
/* The names of all accounts in ascending uid, each followed by its NUL. names: at least
 * s->members_len bytes, which are undefined after a failure. */
NHI_CHECK enum nhi_err nhi_snapshot_members(const struct nhi_snapshot *s, char *names);

#endif
