/* SPDX-License-Identifier: ISC */
/*
 * Grants by rules that limit the number per hour.
 *
 * MUST: never exceed that limit. A grant takes its place first and counts then, so of two at once at least one sees the
 * other.
 */
#include "libnhi/grant/grant_hour.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/phase.h"
#include "libnhi/grant/grant_kind.h"
#include "libnhi/grant/record.h"
#include "libnhi/grant/record_bytes.h"

#define HOUR 3600
#define PREFIX_LEN 19 /* the letter, -, 16 digits, - */

/* A rule's name may have characters that a file's name may not. Two rules with the same sum share their cap, which at
 * worst denies too early. */
static void prefix_of(const char *rule, char out[PREFIX_LEN + 1])
{
    unsigned long long sum = nhi_record_sum(rule, strlen(rule));

    snprintf(out, PREFIX_LEN + 1, "%c-%016llx-", NHI_RECORD_HOUR, sum);
}

bool nhi_record_is_in_hour(const char *name, int64_t now)
{
    int64_t at = strlen(name) > PREFIX_LEN ? strtoll(name + PREFIX_LEN, NULL, 10) : 0;

    return at > now - HOUR;
}

static enum nhi_err count(int dirfd, const char prefix[PREFIX_LEN + 1], int64_t now, uint32_t *out)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;
    uint32_t n = 0;

    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return NHI_ERR_SYS;
    }
    errno = 0;
    while ((e = readdir(d)) != NULL)
        n += strncmp(e->d_name, prefix, PREFIX_LEN) == 0 && nhi_record_is_in_hour(e->d_name, now);
    closedir(d);
    if (errno != 0)
        return NHI_ERR_SYS;
    *out = n;
    return NHI_OK;
}

enum nhi_err nhi_record_take_hour(int fd, int dirfd, const struct nhi_grant *g)
{
    char prefix[PREFIX_LEN + 1], name[PREFIX_LEN + NHI_JTI_LEN + 24];
    enum nhi_err err;
    uint32_t n = 0;

    prefix_of(g->rule, prefix);
    snprintf(name, sizeof(name), "%s%lld-%s", prefix, (long long)g->at, g->id);
    err = nhi_record_link(fd, dirfd, name);
    if (err != NHI_OK)
        return err;
    err = count(dirfd, prefix, g->at, &n);
    if (err == NHI_OK && n > g->max_grants)
        err = NHI_ERR_BUSY;
    if (err != NHI_OK)
        (void)unlinkat(dirfd, name, 0);
    return err;
}

enum nhi_err nhi_grant_count(const char *dir, const char *rule, int64_t now, uint32_t *out)
{
    char prefix[PREFIX_LEN + 1], path[512];
    enum nhi_err err;
    int dirfd;

    prefix_of(rule, prefix);
    if (snprintf(path, sizeof(path), "%s/%s", dir, NHI_GRANTS_DIR) >= (int)sizeof(path))
        return NHI_ERR_ARG;
    err = nhi_dir_borrow(path, &dirfd);
    if (err != NHI_OK)
        return err;
    err = count(dirfd, prefix, now, out);
    nhi_dir_return(dirfd);
    return err;
}
