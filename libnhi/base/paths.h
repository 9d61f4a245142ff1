/* SPDX-License-Identifier: ISC */
/*
 * Where files are, and whether the location can be trusted.
 *
 * Compiled in: a module inside sshd or sudo takes no path from its environment. Functions that work on these files take
 * the directory as a parameter, for tests.
 */
#ifndef NHI_PATHS_H
#define NHI_PATHS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"

#define NHI_STATE_DIR "/var/lib/nhi"     /* root 0755: nss_nhi's snapshot is read by everyone */
#define NHI_RUN_DIR "/run/nhi"           /* root 0700, emptied by each boot */
#define NHI_PUBLIC_DIR "/run/nhi-public" /* root 0755: everybody may read what is in it */
#define NHI_CONF_DIR "/etc/nhi"

#define NHI_LEDGER_FILE "ledger.db"    /* 0600 */
#define NHI_RESERVE_FILE "reserve"     /* 0600, see reserve.h */
#define NHI_NOTES_FILE "reserve.notes" /* 0600, see reserve_notes.h */
#define NHI_GRANTS_DIR "grants"        /* 0700, see grant.h */
#define NHI_KEYS_DIR "keys"            /* 0700, NAME.secret 0600 */
#define NHI_STATE_FILE "state-1"       /* 0600, in NHI_RUN_DIR; the number is that of its format, see state.h */
#define NHI_SNAPSHOT_FILE "accounts"   /* 0644, see snapshot.h; also under NHI_PUBLIC_DIR */
#define NHI_POLICY_DIR "policy.d"      /* under NHI_CONF_DIR */
#define NHI_AGENTS_DIR "agents.d"      /* under NHI_CONF_DIR */
#define NHI_CONF_FILE "nhi.conf"       /* under NHI_CONF_DIR */

/* Opens a directory after checking that it and everything above it belongs to root and that nobody else can write
 * there. A symbolic link on the way is followed only because root placed it: its target is checked. The descriptor is
 * O_CLOEXEC; the caller closes it. NHI_ERR_NOT_FOUND, NHI_ERR_UNSAFE, NHI_ERR_SYS. */
NHI_CHECK enum nhi_err nhi_dir_open(const char *path, int *fd);

/* The same for NAME in a directory that was opened so, and not for a symbolic link. */
NHI_CHECK enum nhi_err nhi_dir_open_at(int dirfd, const char *name, int *fd);

/* Opens NAME in a checked directory for reading: a regular file that belongs to root and that others cannot write, nor
 * read when secret is set. */
NHI_CHECK enum nhi_err nhi_file_open(int dirfd, const char *name, int secret, int *fd);
/* The same, with its size in bytes. */
NHI_CHECK enum nhi_err nhi_file_open_sized(int dirfd, const char *name, int secret, int *fd, size_t *size);

/* Reads such a file whole, at most max bytes. buf is new and NUL-terminated; the caller frees it. */
NHI_CHECK enum nhi_err nhi_file_read(int dirfd, const char *name, int secret, unsigned long max, char **buf,
                                     unsigned long *len);

/* A file that gets its name when it is complete: a writer that is killed before that leaves nothing, or, on a file
 * system without unnamed files, ".NAME.X.part". */
struct nhi_new_file {
    int fd;                  /* for reading and writing, mode 0600; nhi_file_drop closes it */
    char part[NAME_MAX + 1]; /* its name until then; empty: no name */
};
NHI_CHECK enum nhi_err nhi_file_begin(int dirfd, const char *name, struct nhi_new_file *n);
/* Writes all of it. On failure, errno says why. */
NHI_CHECK enum nhi_err nhi_file_write(int fd, const void *data, unsigned long len);
/* Gives the file its name, replacing what has that name. A writer that is killed in between leaves ".NAME.nhi-new",
 * which is complete, and which the next writer moves away: nobody else would choose such a name. */
NHI_CHECK enum nhi_err nhi_file_end(int dirfd, const char *name, struct nhi_new_file *n);
/* Links the open file, which needs no name, and replaces nothing: NHI_ERR_EXISTS. */
NHI_CHECK enum nhi_err nhi_file_link(int fd, int dirfd, const char *name);
/* Discards the new file; an existing file keeps its name. Does not change errno. */
void nhi_file_drop(int dirfd, struct nhi_new_file *n);
/* Removes files that a killed writer left beside NAME. */
void nhi_file_sweep(int dirfd, const char *name);
/* The same for all files in that directory that are older than that moment, by the clock of the file system. */
void nhi_file_sweep_all(const char *dir, int64_t before);
/* Removes NAME and those files, on the disk as well. It is no error if it has gone already. */
NHI_CHECK enum nhi_err nhi_file_remove(int dirfd, const char *name);

/* Writes len bytes to NAME in place of the old file; both file and name are on the disk then. */
NHI_CHECK enum nhi_err nhi_file_replace(int dirfd, const char *name, unsigned mode, const void *data,
                                        unsigned long len);

/* The same for a file that belongs to other software: owner, mode and extended attributes are those of the file that
 * like is open on, and with dated also its time of last change. */
NHI_CHECK enum nhi_err nhi_file_replace_like(int dirfd, const char *name, int like, int dated, const char *text);

/* The error for errno: no space, or another failure of the system. */
enum nhi_err nhi_err_from_errno(int err);

#endif
