/* SPDX-License-Identifier: ISC */
#include "libnhi/grant/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/grant/grant_kind.h"
#include "libnhi/grant/record_bytes.h"

enum nhi_err nhi_record_make(int dirfd, const struct nhi_grant *g, bool sync, int *fd)
{
    uint8_t bytes[NHI_RECORD_MAX];
    enum nhi_err err;
    size_t len = 0;
    int f;

    err = nhi_record_encode(g, bytes, &len);
    if (err != NHI_OK)
        return err;
    f = openat(dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (f < 0)
        return nhi_err_from_errno(errno);
    err = nhi_file_write(f, bytes, len);
    /* The umask belongs to the host, so the mode is set explicitly. */
    if (err == NHI_OK && (fchmod(f, 0600) != 0 || (sync && fsync(f) != 0)))
        err = nhi_err_from_errno(errno);
    if (err == NHI_OK)
        *fd = f;
    else
        close(f);
    return err;
}

enum nhi_err nhi_record_link(int fd, int dirfd, const char *name)
{
    return nhi_file_link(fd, dirfd, name);
}

/* The time of the last change, which nothing else uses, is when the record is to be read again. A pin may get a second
 * name, that of a slot, from a process that was stopped in between; its time does not hold for the slot, so it is an
 * odd second. */
int64_t nhi_record_rests_until(int dirfd, const char *name, int64_t now)
{
    const struct nhi_record_kind *kind = nhi_record_kind_of(name);
    struct stat st;

    if (kind == NULL || (kind->rests != NHI_RESTS_TICKET && kind->rests != NHI_RESTS_THIS_HOUR))
        return 0;
    /* A record that was made before the clock went back does not have a whole second. */
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime > now && st.st_mtim.tv_nsec == 0 &&
        (kind->letter == NHI_RECORD_PIN || st.st_mtime % 2 == 0))
        return st.st_mtime;
    return 0;
}

bool nhi_record_rests(int dirfd, const char *name, int64_t now)
{
    return nhi_record_rests_until(dirfd, name, now) > 0;
}

enum nhi_err nhi_record_take(int fd, struct nhi_grant *out)
{
    uint8_t bytes[NHI_RECORD_MAX + 1];
    size_t have = 0;
    ssize_t n = 1;

    while (n != 0 && have < sizeof(bytes)) {
        size_t room = sizeof(bytes) - have;

        n = read(fd, bytes + have, room);
        if (n < 0 && errno != EINTR)
            return NHI_ERR_SYS;
        if (n > 0)
            have += (size_t)n;
        /* Nothing follows a whole record, or a read with room would have had it, too. */
        if (n > 0 && (size_t)n < room && nhi_record_length(bytes, have) == have)
            break;
    }
    return nhi_record_decode(bytes, have, out);
}

enum nhi_err nhi_record_read(int dirfd, const char *name, struct nhi_grant *out)
{
    enum nhi_err err;
    int fd;

    err = nhi_file_open(dirfd, name, 1, &fd);
    if (err != NHI_OK)
        return err;
    err = nhi_record_take(fd, out);
    close(fd);
    return err;
}
