/* SPDX-License-Identifier: ISC */
/*
 * Where things are, and whether the place can be trusted.
 *
 * Compiled in: a module inside sshd or sudo takes no path from its environment. Functions that work on
 * these places take the directory as a parameter, which is what tests use.
 */
#ifndef NHI_PATHS_H
#define NHI_PATHS_H

#include <limits.h>
#include <stdint.h>

#include "libnhi/base/err.h"

#define NHI_STATE_DIR "/var/lib/nhi" /* root 0755: nss_nhi's snapshot is read by everyone */
#define NHI_RUN_DIR "/run/nhi"       /* root 0700, gone with the boot, like what it describes */
#define NHI_CONF_DIR "/etc/nhi"

#define NHI_LEDGER_FILE "ledger.db"      /* 0600 */
#define NHI_RESERVE_FILE "reserve"       /* 0600, see reserve.h */
#define NHI_NOTES_FILE "reserve.notes"   /* 0600, see reserve_notes.h */
#define NHI_GRANTS_DIR "grants"          /* 0700, see grant.h */
#define NHI_KEYS_DIR "keys"              /* 0700, NAME.secret 0600 */
#define NHI_SNAPSHOT_FILE "accounts.cdb" /* 0644, see snapshot.h */
#define NHI_POLICY_DIR "policy.d"        /* under NHI_CONF_DIR */
#define NHI_AGENTS_DIR "agents.d"        /* the same */
#define NHI_CONF_FILE "nhi.conf"         /* under NHI_CONF_DIR */

/* Opens a directory after checking that it and everything above it belongs to root and that nobody
 * else can write there. A symbolic link on the way is followed only because root placed it: the
 * check is made on where it leads. The descriptor is O_CLOEXEC; the caller closes it.
 * NHI_ERR_NOT_FOUND, NHI_ERR_UNSAFE, NHI_ERR_SYS. */
NHI_CHECK enum nhi_err nhi_dir_open(const char *path, int *fd);

/* Opens NAME in a checked directory for reading: a regular file, root's, not writable by others, and
 * with no permission for others at all when secret is set. */
NHI_CHECK enum nhi_err nhi_file_open(int dirfd, const char *name, int secret, int *fd);

/* Reads a small file of that kind whole, at most max bytes. buf is new, NUL-terminated, and the
 * caller's to free. */
NHI_CHECK enum nhi_err nhi_file_read(int dirfd, const char *name, int secret, unsigned long max, char **buf,
                                     unsigned long *len);

/* A file that gets its name when it is whole: what is killed before that leaves nothing, or, on a file system that has
 * no files without a name, ".NAME.X.part". */
struct nhi_new_file {
    int fd;                  /* for reading and writing, mode 0600; nhi_file_drop closes it */
    char part[NAME_MAX + 1]; /* its name until then; empty: none */
};
NHI_CHECK enum nhi_err nhi_file_begin(int dirfd, const char *name, struct nhi_new_file *n);
/* All of it. errno says why not. */
NHI_CHECK enum nhi_err nhi_file_write(int fd, const void *data, unsigned long len);
/* Gives it its name, in place of what has that. What is killed in between leaves ".NAME.nhi-new", which is whole, and
 * which the next one moves out of its way: no name that somebody else would choose beside NAME. */
NHI_CHECK enum nhi_err nhi_file_end(int dirfd, const char *name, struct nhi_new_file *n);
/* By what it is and not by a name, and in place of nothing: NHI_ERR_EXISTS. */
NHI_CHECK enum nhi_err nhi_file_link(int fd, int dirfd, const char *name);
/* What has its name keeps it. Leaves errno as it is. */
void nhi_file_drop(int dirfd, struct nhi_new_file *n);
/* Removes what one that was killed has left beside NAME. */
void nhi_file_sweep(int dirfd, const char *name);
/* The same of every file in that directory, once it is older than that moment by the clock of its file system. */
void nhi_file_sweep_all(const char *dir, int64_t before);
/* With that, and for good. That it is gone already is no error. */
NHI_CHECK enum nhi_err nhi_file_remove(int dirfd, const char *name);

/* Writes len bytes to NAME in place of the old one; file and name are on the disk then. */
NHI_CHECK enum nhi_err nhi_file_replace(int dirfd, const char *name, unsigned mode, const void *data,
                                        unsigned long len);

/* The same, of a file that others own the meaning of: owner, mode and extended attributes are those of the file
 * that like is open on, and so is the time of the last change when dated. */
NHI_CHECK enum nhi_err nhi_file_replace_like(int dirfd, const char *name, int like, int dated, const char *text);

/* What errno means: no space, or another failure of the system. */
enum nhi_err nhi_err_from_errno(int err);

#endif
