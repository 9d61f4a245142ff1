/* SPDX-License-Identifier: ISC */
#include "libnhi/grant/counter_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"

#define TURN_TRIES 50 /* of 20 ms, for another process that reports the counts */

static enum nhi_err open_dir(const char *run_dir, bool make, int *dirfd)
{
    enum nhi_err err = nhi_dir_open(run_dir, dirfd);

    if (err != NHI_ERR_NOT_FOUND || !make)
        return err;
    if (mkdir(run_dir, 0700) != 0 && errno != EEXIST)
        return nhi_err_from_errno(errno);
    return nhi_dir_open(run_dir, dirfd);
}

/* Made complete and without a name, then linked, as records are. */
static enum nhi_err make_file(int dirfd, const struct nhi_counter_file *c)
{
    enum nhi_err err = NHI_OK;
    char self[40];
    int fd, rc;

    fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return nhi_err_from_errno(errno);
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    rc = posix_fallocate(fd, 0, (off_t)c->size);
    if (rc != 0)
        err = nhi_err_from_errno(rc);
    else if (fchmod(fd, 0600) != 0 || pwrite(fd, c->head, c->head_len, 0) != (ssize_t)c->head_len ||
             (linkat(AT_FDCWD, self, dirfd, c->name, AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST))
        err = nhi_err_from_errno(errno);
    close(fd);
    return err;
}

static bool is_ours(int fd, const struct nhi_counter_file *c)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0 &&
           st.st_size == (off_t)c->size;
}

static enum nhi_err map_file(int dirfd, const struct nhi_counter_file *c, int *fd, void **mem)
{
    int f = openat(dirfd, c->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    void *m;

    if (f < 0)
        return errno == ENOENT ? NHI_ERR_NOT_FOUND : NHI_ERR_FORMAT;
    if (!is_ours(f, c)) {
        close(f);
        return NHI_ERR_FORMAT;
    }
    m = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
    if (m == MAP_FAILED) {
        enum nhi_err err = nhi_err_from_errno(errno);

        close(f);
        return err;
    }
    if (memcmp(m, c->head, c->head_len) != 0) {
        nhi_counter_file_close(c, f, m);
        return NHI_ERR_FORMAT;
    }
    *fd = f;
    *mem = m;
    return NHI_OK;
}

enum nhi_err nhi_counter_file_open(const char *run_dir, const struct nhi_counter_file *c, bool make, int *fd,
                                   void **mem)
{
    enum nhi_err err;
    int dirfd = -1;

    err = open_dir(run_dir, make, &dirfd);
    if (err != NHI_OK)
        return err;
    err = map_file(dirfd, c, fd, mem);
    if (err == NHI_ERR_NOT_FOUND && make) {
        err = make_file(dirfd, c);
        if (err == NHI_OK)
            err = map_file(dirfd, c, fd, mem);
    }
    close(dirfd);
    return err;
}

void nhi_counter_file_close(const struct nhi_counter_file *c, int fd, void *mem)
{
    (void)munmap(mem, c->size);
    close(fd);
}

enum nhi_err nhi_counter_file_turn(int fd)
{
    static const struct timespec pause = { .tv_nsec = 20000000 };

    for (int i = 0; i < TURN_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return NHI_OK;
        (void)nanosleep(&pause, NULL);
    }
    return NHI_ERR_BUSY;
}

void nhi_counter_file_remove(const char *run_dir, const struct nhi_counter_file *c)
{
    int dirfd = -1;

    if (nhi_dir_open(run_dir, &dirfd) != NHI_OK)
        return;
    (void)unlinkat(dirfd, c->name, 0);
    close(dirfd);
}
