/* SPDX-License-Identifier: ISC */
#include "libnhi/grant/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/grant/grant_kind.h"
#include "libnhi/grant/grant_record.h"

enum nhi_err nhi_record_make(int dirfd, const struct nhi_grant *g, bool sync, int *fd)
{
    char *text = NULL;
    enum nhi_err err;
    ssize_t n;
    int f;

    err = nhi_grant_encode(g, &text);
    if (err != NHI_OK)
        return err;
    f = openat(dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (f < 0) {
        err = nhi_err_from_errno(errno);
        goto out;
    }
    do
        n = write(f, text, strlen(text));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        err = nhi_err_from_errno(errno);
    else if ((size_t)n != strlen(text))
        err = NHI_ERR_FULL;
    /* The umask belongs to the host, so the mode is set explicitly. */
    if (err == NHI_OK && (fchmod(f, 0600) != 0 || (sync && fsync(f) != 0)))
        err = nhi_err_from_errno(errno);
    if (err == NHI_OK)
        *fd = f;
    else
        close(f);
out:
    free(text);
    return err;
}

enum nhi_err nhi_record_link(int fd, int dirfd, const char *name)
{
    return nhi_file_link(fd, dirfd, name);
}

/* The time of the last change, which nothing else uses, is when the record is to be read again. A pin may get a second
 * name, that of a slot, from a process that was stopped in between; its time does not hold for the slot, so it is an
 * odd second. */
bool nhi_record_rests(int dirfd, const char *name, int64_t now)
{
    const struct nhi_record_kind *kind = nhi_record_kind_of(name);
    struct stat st;

    if (kind == NULL || (kind->rests != NHI_RESTS_TICKET && kind->rests != NHI_RESTS_THIS_HOUR))
        return false;
    /* A record that was made before the clock went back does not have a whole second. */
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime > now && st.st_mtim.tv_nsec == 0 &&
           (kind->letter == NHI_RECORD_PIN || st.st_mtime % 2 == 0);
}

enum nhi_err nhi_record_read(int dirfd, const char *name, struct nhi_grant *out)
{
    unsigned long len = 0;
    enum nhi_err err;
    char *text = NULL;

    err = nhi_file_read(dirfd, name, 1, NHI_RECORD_MAX, &text, &len);
    if (err == NHI_OK)
        err = nhi_grant_decode(text, len, out);
    free(text);
    return err;
}
