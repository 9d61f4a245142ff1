/* SPDX-License-Identifier: ISC */
/*
 * The two copies of a snapshot as files.
 *
 * MUST hold for the copy on the tmpfs, which host processes have mapped: it is never shortened, never has a hole, and
 * is written to in one place only, the word that says that it was replaced. So a page of it is always there, and
 * reading one never fails.
 *
 * Programs keep the memory of a file that was replaced until they look up an account again. So a file with the same
 * content stays, and none is written that would leave less than half of the tmpfs free: others need it as well.
 */
#include "libnhi/snapshot/snapshot_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/snapshot/snapshot_format.h"
#include "libnhi/snapshot/snapshot_read.h"

#define MODE 0644

static enum nhi_err replace(int dir, const char *name, const unsigned char *image, size_t len)
{
    enum nhi_err err = nhi_file_replace(dir, name, MODE, image, len);
    int saved = errno;

    if (err != NHI_OK)
        nhi_file_sweep(dir, name); /* complete, but without its name */
    errno = saved;
    return err;
}

enum nhi_err nhi_snapshot_copy_durable(const char *path, const unsigned char *image, size_t len)
{
    const char *slash = strrchr(path, '/');
    enum nhi_err err;
    char *parent;
    int dir;

    if (slash == NULL || slash[1] == '\0')
        return NHI_ERR_ARG;
    parent = strndup(path, (size_t)(slash - path) + 1);
    if (parent == NULL)
        return NHI_ERR_NOMEM;
    dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(parent);
    if (dir < 0)
        return NHI_ERR_SYS;
    err = replace(dir, slash + 1, image, len);
    close(dir);
    return err;
}

/* ---- the tmpfs ---- */

static enum nhi_err make_dir(int *dir)
{
    bool made = mkdir(NHI_PUBLIC_DIR, 0755) == 0;
    enum nhi_err err = nhi_dir_open(NHI_PUBLIC_DIR, dir);

    /* The mask of this process may have taken bits away. */
    if (err == NHI_OK && made && fchmod(*dir, 0755) != 0)
        err = NHI_ERR_SYS;
    return err;
}

static bool has_room(int dir, size_t len)
{
    struct statfs fs;
    uint64_t need;

    if (fstatfs(dir, &fs) != 0 || fs.f_type != TMPFS_MAGIC)
        return false;
    if (fs.f_blocks == 0)
        return true; /* no limit */
    need = len / (uint64_t)fs.f_bsize + 1;
    return need < fs.f_bavail && fs.f_bavail - need >= fs.f_blocks / 2;
}

static bool is_same(const unsigned char *image, size_t len)
{
    struct nhi_snapshot s;
    struct stat st;
    bool same;

    if (nhi_snapshot_open(NHI_SNAPSHOT_QUICK, &s) != NHI_OK)
        return false;
    same = fstat(s.fd, &st) == 0 && (st.st_mode & ALLPERMS) == MODE && s.size == len && nhi_snapshot_map(&s) &&
           memcmp(s.map, image, len) == 0;
    nhi_snapshot_close(&s);
    return same;
}

/* A file of another kind in its place has no readers. */
static void mark_replaced(int dir)
{
    int fd = openat(dir, NHI_SNAPSHOT_FILE, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    unsigned char word[4] = { 1 };
    char magic[NHI_SNAPSHOT_MAGIC_LEN];
    struct stat st;

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= NHI_SNAPSHOT_HEADER_LEN &&
        pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
        memcmp(magic, NHI_SNAPSHOT_MAGIC, sizeof(magic)) == 0)
        (void)!pwrite(fd, word, sizeof(word), NHI_SNAPSHOT_AT_REPLACED);
    close(fd);
}

static bool is_gone(void)
{
    struct stat st;

    return lstat(NHI_SNAPSHOT_QUICK, &st) != 0 && errno == ENOENT;
}

static void remove_quick(int dir)
{
    mark_replaced(dir);
    (void)unlinkat(dir, NHI_SNAPSHOT_FILE, 0);
}

void nhi_snapshot_forget_quick(void)
{
    int dir;

    if (access(NHI_SNAPSHOT_PATH, F_OK) == 0 || errno != ENOENT || nhi_dir_open(NHI_PUBLIC_DIR, &dir) != NHI_OK)
        return;
    remove_quick(dir);
    close(dir);
}

enum nhi_err nhi_snapshot_copy_quick(const unsigned char *image, size_t len)
{
    int dir = -1;
    enum nhi_err err = make_dir(&dir);

    if (err != NHI_OK)
        goto out;
    if (has_room(dir, len)) {
        if (is_same(image, len))
            goto out;
        mark_replaced(dir);
        err = replace(dir, NHI_SNAPSHOT_FILE, image, len);
        if (err == NHI_OK)
            goto out;
    }
    remove_quick(dir);
    if (err == NHI_OK)
        err = NHI_ERR_FULL;
out:
    if (dir >= 0)
        close(dir);
    return err != NHI_OK && is_gone() ? NHI_OK : err;
}
