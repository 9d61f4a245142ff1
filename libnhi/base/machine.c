/* SPDX-License-Identifier: ISC */
/*
 * MUST: wait for nothing: whatever was put in the place of the file, a login continues.
 */
#include "libnhi/base/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"

#define ID_LEN 32 /* lowercase hexadecimal digits */
#define NOT_YET "uninitialized"
#define PURPOSE "nhi-machine-v1 "

/* machine-id(5) allows a symbolic link. It is root's, since the directory is. */
static enum nhi_err read_file(const char *file, char *buf, size_t size)
{
    enum nhi_err err = NHI_OK;
    struct stat st;
    ssize_t n = 0;
    int fd;

    fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return nhi_err_from_errno(errno);
    if (fstat(fd, &st) != 0)
        err = NHI_ERR_SYS;
    else if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        err = NHI_ERR_UNSAFE;
    if (err == NHI_OK && (n = read(fd, buf, size - 1)) < 0)
        err = NHI_ERR_SYS;
    close(fd);
    if (err == NHI_OK)
        buf[n] = '\0';
    return err;
}

enum nhi_err nhi_machine_id(const char *file, char id[NHI_DIGEST_LEN + 1])
{
    struct nhi_hash256 h;
    char text[64];
    enum nhi_err err;

    err = read_file(file, text, sizeof(text));
    if (err == NHI_ERR_NOT_FOUND)
        text[0] = '\0';
    else if (err != NHI_OK)
        return err;
    text[strcspn(text, "\n")] = '\0';
    if (text[0] == '\0' || strcmp(text, NOT_YET) == 0) {
        id[0] = '\0';
        return NHI_OK;
    }
    if (strlen(text) != ID_LEN || strspn(text, "0123456789abcdef") != ID_LEN)
        return NHI_ERR_FORMAT;
    nhi_hash256_start(&h);
    nhi_hash256_add(&h, PURPOSE, strlen(PURPOSE));
    nhi_hash256_add(&h, text, ID_LEN);
    nhi_hash256_end(&h, id);
    return NHI_OK;
}

enum nhi_err nhi_boot_time(int64_t now, int64_t *at)
{
    struct timespec up;

    if (clock_gettime(CLOCK_BOOTTIME, &up) != 0)
        return NHI_ERR_SYS;
    *at = now - (int64_t)up.tv_sec;
    return NHI_OK;
}
