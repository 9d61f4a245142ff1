#include "libnhi/privileged.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Each of these leads to root, or to everybody's secrets, without asking anyone: sudo's and su's own
 * groups, the readers of raw memory, raw disks and password hashes, those who start containers or virtual
 * machines with any mount, those who write what root runs (staff: /usr/local), and those who read every log.
 */
static const char *const privileged[] = {
    "root", "sudo",  "wheel", "admin",       "adm",    "shadow",  "disk", "kmem",
    "lxd",  "lxc",   "incus", "incus-admin", "docker", "libvirt", "kvm",  "staff",
    "systemd-journal",
};

#define BUFFER_MAX (1u << 20)
#define GROUPS_MAX 4096

bool nhi_group_is_privileged(const char *name, uint32_t gid)
{
    size_t i;

    if (gid == 0)
        return true;
    for (i = 0; name != NULL && i < sizeof privileged / sizeof privileged[0]; i++)
        if (strcmp(name, privileged[i]) == 0)
            return true;
    return false;
}

/* One of name and uid: name NULL asks by number. buf is new and holds what pw points into. */
static enum nhi_err get_passwd(const char *name, uint32_t uid, struct passwd *pw, char **buf)
{
    struct passwd *found = NULL;
    size_t size = 4096;
    char *b = NULL, *more;
    int rc = ERANGE;

    while (rc == ERANGE && size <= BUFFER_MAX) {
        more = realloc(b, size);
        if (more == NULL) {
            free(b);
            return NHI_ERR_NOMEM;
        }
        b = more;
        rc = name != NULL ? getpwnam_r(name, pw, b, size, &found)
                          : getpwuid_r(uid, pw, b, size, &found);
        size *= 4;
    }
    if (rc == 0 && found != NULL) {
        *buf = b;
        return NHI_OK;
    }
    free(b);
    /* What glibc documents as "not found" beside 0, and what our own module says of a clean miss. */
    if (rc == 0 || rc == ENOENT || rc == ESRCH)
        return NHI_ERR_NOT_FOUND;
    errno = rc;
    return NHI_ERR_SYS;
}

/* The privileged groups that exist here, by number: names may differ, numbers decide. */
static enum nhi_err privileged_gid(const char *name, uint32_t *gid)
{
    struct group gr, *found = NULL;
    size_t size = 4096;
    char *b = NULL, *more;
    int rc = ERANGE;

    while (rc == ERANGE && size <= BUFFER_MAX) {
        more = realloc(b, size);
        if (more == NULL) {
            free(b);
            return NHI_ERR_NOMEM;
        }
        b = more;
        rc = getgrnam_r(name, &gr, b, size, &found);
        size *= 4;
    }
    if (rc == 0 && found != NULL)
        *gid = gr.gr_gid;
    free(b);
    if (rc == 0 || rc == ENOENT || rc == ESRCH)
        return found != NULL ? NHI_OK : NHI_ERR_NOT_FOUND;
    errno = rc;
    return NHI_ERR_SYS;
}

static enum nhi_err all_groups(const struct passwd *pw, gid_t **out, int *count)
{
    int n = 64, got;
    gid_t *g = NULL, *more;

    for (;;) {
        more = reallocarray(g, (size_t)n, sizeof *g);
        if (more == NULL) {
            free(g);
            return NHI_ERR_NOMEM;
        }
        g = more;
        got = n;
        if (getgrouplist(pw->pw_name, pw->pw_gid, g, &got) >= 0)
            break;
        if (got <= n || got > GROUPS_MAX) {
            free(g);
            return NHI_ERR_SYS;
        }
        n = got;
    }
    *out = g;
    *count = got;
    return NHI_OK;
}

static enum nhi_err judge(const struct passwd *pw, struct nhi_local *out)
{
    struct nhi_local l = { .uid = pw->pw_uid, .gid = pw->pw_gid };
    enum nhi_err err = NHI_OK;
    gid_t *groups = NULL;
    int count = 0, i;
    uint32_t gid = 0;
    size_t p;

    if (strlen(pw->pw_name) >= sizeof l.name)
        return NHI_ERR_TOO_LONG;
    memcpy(l.name, pw->pw_name, strlen(pw->pw_name));
    if (l.uid == 0 || l.gid == 0) {
        l.privileged = true;
        (void)snprintf(l.because, sizeof l.because, l.uid == 0 ? "uid 0" : "gid 0");
        *out = l;
        return NHI_OK;
    }
    err = all_groups(pw, &groups, &count);
    for (i = 0; err == NHI_OK && i < count && !l.privileged; i++)
        if (groups[i] == 0) {
            l.privileged = true;
            (void)snprintf(l.because, sizeof l.because, "gid 0");
        }
    for (p = 0; err == NHI_OK && p < sizeof privileged / sizeof privileged[0]; p++) {
        err = privileged_gid(privileged[p], &gid);
        if (err == NHI_ERR_NOT_FOUND) {
            err = NHI_OK;
            continue;
        }
        for (i = 0; err == NHI_OK && i < count && !l.privileged; i++)
            if (groups[i] == gid) {
                l.privileged = true;
                (void)snprintf(l.because, sizeof l.because, "%s", privileged[p]);
            }
    }
    free(groups);
    if (err == NHI_OK)
        *out = l;
    return err;
}

enum nhi_err nhi_local_by_name(const char *name, struct nhi_local *out)
{
    struct passwd pw;
    enum nhi_err err;
    char *buf = NULL;

    err = get_passwd(name, 0, &pw, &buf);
    if (err == NHI_OK)
        err = judge(&pw, out);
    free(buf);
    return err;
}

enum nhi_err nhi_local_by_uid(uint32_t uid, struct nhi_local *out)
{
    struct passwd pw;
    enum nhi_err err;
    char *buf = NULL;

    err = get_passwd(NULL, uid, &pw, &buf);
    if (err == NHI_OK)
        err = judge(&pw, out);
    free(buf);
    return err;
}
