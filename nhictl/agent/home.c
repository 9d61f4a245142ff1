/* SPDX-License-Identifier: ISC */
/*
 * MUST: no symbolic link is followed below the parent, the parent is root's alone, and an existing directory that
 * belongs to another account is not taken over.
 */
#include "nhictl/agent/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"

bool home_path_ok(const char *path)
{
    const char *at = path;

    if (path[0] != '/' || path[1] == '\0' || path[strlen(path) - 1] == '/')
        return false;
    while (*at == '/') {
        size_t len = strcspn(++at, "/");

        if (len == 0 || (len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        at += len;
    }
    return true;
}

/* The directory for the home directory. name: the last part of the path. */
static enum nhi_err open_parent(const char *path, const char **name, int *fd)
{
    char parent[NHI_PATH_MAX + 1];
    const char *slash = strrchr(path, '/');
    size_t len = (size_t)(slash - path);

    memcpy(parent, path, len);
    memcpy(parent + len, len == 0 ? "/" : "", len == 0 ? 2 : 1);
    *name = slash + 1;
    return nhi_dir_open(parent, fd);
}

static int parent_failed(struct ctl *c, int code, const struct nhi_account *a, enum nhi_err err)
{
    if (err == NHI_ERR_UNSAFE)
        return ctl_fail(c, code, NULL, "home %s: users other than root can write to its parent directory", a->home);
    return ctl_fail(c, code, NULL, "home %s: its parent directory: %s", a->home, nhi_strerror(err));
}

int home_check(struct ctl *c, const struct nhi_account *a)
{
    const char *name;
    struct stat st;
    enum nhi_err err;
    int parent, code = CTL_DONE;

    err = open_parent(a->home, &name, &parent);
    if (err != NHI_OK)
        return parent_failed(c, CTL_REFUSED, a, err);
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (!S_ISDIR(st.st_mode) || st.st_uid != a->uid)
            code = ctl_fail(c, CTL_REFUSED, "add --home DIR or --no-home",
                            "%s already exists and does not belong to the agent", a->home);
    } else if (errno != ENOENT) {
        code = ctl_fail(c, CTL_SYSTEM, NULL, "home %s: %s", a->home, strerror(errno));
    }
    close(parent);
    return code;
}

/* It gets its final name only when it is the agent's: being cut off leaves a hidden empty directory, which the next
 * attempt removes. */
static int make(int parent, const char *name, uint32_t id)
{
    char temp[NHI_PATH_MAX + 8];
    int fd, failed;

    snprintf(temp, sizeof(temp), ".%s.new", name);
    if (unlinkat(parent, temp, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return errno;
    if (mkdirat(parent, temp, 0700) != 0)
        return errno;
    fd = openat(parent, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    failed = fd < 0 || fchown(fd, id, id) != 0 || fchmod(fd, 0700) != 0 ||
                     renameat2(parent, temp, parent, name, RENAME_NOREPLACE) != 0
                 ? errno
                 : 0;
    if (fd >= 0)
        close(fd);
    if (failed != 0)
        (void)unlinkat(parent, temp, AT_REMOVEDIR);
    return failed;
}

void home_hint(const struct nhi_account *a, char hint[HOME_HINT_MAX])
{
    snprintf(hint, HOME_HINT_MAX, "install -d -m 0700 -o %u -g %u %s", a->uid, a->uid, a->home);
}

bool home_is_missing(const struct nhi_account *a)
{
    struct stat st;

    return lstat(a->home, &st) != 0 && errno == ENOENT;
}

int home_make(struct ctl *c, const struct nhi_account *a)
{
    const char *name;
    char hint[HOME_HINT_MAX];
    struct stat st;
    enum nhi_err err;
    int parent = -1, failed = 0;

    err = open_parent(a->home, &name, &parent);
    if (err == NHI_OK) {
        failed = make(parent, name, a->uid);
        if (failed == EEXIST && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
            st.st_uid == a->uid)
            failed = 0;
        close(parent);
    }
    if (err == NHI_OK && failed == 0)
        return CTL_DONE;
    home_hint(a, hint);
    return ctl_fail(c, CTL_SYSTEM, hint, "agent %s is registered, but its home directory could not be made: %s",
                    a->name, failed != 0 ? strerror(failed) : nhi_strerror(err));
}
