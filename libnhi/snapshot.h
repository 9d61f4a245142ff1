/*
 * The account snapshot: what nss_nhi answers from.
 *
 * One constant database (cdb) that nhictl writes beside the old one, fsyncs and renames. The
 * reader uses libc and tinycdb only, keeps no state between calls, and reads with pread and read
 * rather than a mapping: a file that is cut short under a mapping would kill whatever process asked.
 */
#ifndef NHI_SNAPSHOT_H
#define NHI_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libnhi/err.h"
#include "libnhi/names.h"

#define NHI_SNAPSHOT_PATH "/var/lib/nhi/accounts.cdb"
#define NHI_AGENTS_GROUP "nhi-agents" /* every agent is a member; its gid is the first of the range */
#define NHI_PATH_MAX 255              /* home directory, shell */
#define NHI_GROUPS_MAX 32             /* supplementary groups of one agent */

struct nhi_account {
    char name[NHI_AGENT_MAX + 1];
    uint32_t uid; /* also the gid of its own group, which has its name */
    char gecos[NHI_TEXT_MAX + 1];
    char home[NHI_PATH_MAX + 1];
    char shell[NHI_PATH_MAX + 1];
    uint32_t groups[NHI_GROUPS_MAX]; /* gids besides its own and that of NHI_AGENTS_GROUP */
    uint32_t group_count;
};

/* Writing: begin, add in ascending uid, commit or abort. commit and abort release the writer. path is
 * replaced atomically; the file is root's, 0644. uid_min..uid_max is the agent range and
 * uid_min the gid of NHI_AGENTS_GROUP. */
struct nhi_snapshot_writer;
NHI_CHECK enum nhi_err nhi_snapshot_begin(const char *path, uint32_t uid_min, uint32_t uid_max,
                                          struct nhi_snapshot_writer **out);
NHI_CHECK enum nhi_err nhi_snapshot_add(struct nhi_snapshot_writer *w, const struct nhi_account *a);
NHI_CHECK enum nhi_err nhi_snapshot_commit(struct nhi_snapshot_writer *w);
void nhi_snapshot_abort(struct nhi_snapshot_writer *w);

/* Reading. Open, ask, close, within one call of the host's: nothing is kept. Opening checks owner
 * (root), mode (not writable by others), magic, version and size. NHI_ERR_NOT_FOUND only from the
 * lookups below: a file that is missing, torn or not ours is NHI_ERR_SYS, NHI_ERR_CORRUPT or NHI_ERR_UNSAFE. */
struct nhi_snapshot {
    int fd;
    uint32_t uid_min, uid_max;
    uint32_t count; /* accounts */
};
NHI_CHECK enum nhi_err nhi_snapshot_open(const char *path, struct nhi_snapshot *out);
void nhi_snapshot_close(struct nhi_snapshot *s);

NHI_CHECK enum nhi_err nhi_snapshot_by_name(const struct nhi_snapshot *s, const char *name,
                                            struct nhi_account *out);
NHI_CHECK enum nhi_err nhi_snapshot_by_uid(const struct nhi_snapshot *s, uint32_t uid,
                                           struct nhi_account *out);
/* index: 0 to count - 1, in ascending uid. */
NHI_CHECK enum nhi_err nhi_snapshot_by_index(const struct nhi_snapshot *s, uint32_t index,
                                             struct nhi_account *out);

#endif
