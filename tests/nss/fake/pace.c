/* SPDX-License-Identifier: ISC */
/*
 * A source of accounts for tests, like a directory service: nsswitch.conf calls it pace. It answers from
 * /etc/pace/passwd and /etc/pace/group, never answers while /etc/pace/frozen exists, and is not available while
 * /etc/pace/gone exists.
 */
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

NSS_DECLARE_MODULE_FUNCTIONS(pace)

#define EXPORT __attribute__((visibility("default")))

static FILE *open_source(const char *file, enum nss_status *status, int *why)
{
    FILE *f;

    while (access("/etc/pace/frozen", F_OK) == 0)
        pause();
    f = access("/etc/pace/gone", F_OK) == 0 ? NULL : fopen(file, "re");
    *status = f != NULL ? NSS_STATUS_NOTFOUND : NSS_STATUS_UNAVAIL;
    *why = ENOENT;
    return f;
}

static enum nss_status failed(int rc, enum nss_status status, int *why)
{
    if (rc != ERANGE)
        return status;
    *why = ERANGE;
    return NSS_STATUS_TRYAGAIN;
}

static enum nss_status find_passwd(const char *name, uid_t uid, struct passwd *pw, char *buf, size_t size, int *why)
{
    enum nss_status status;
    struct passwd *found;
    FILE *f = open_source("/etc/pace/passwd", &status, why);
    int rc = 0;

    while (f != NULL && status == NSS_STATUS_NOTFOUND && (rc = fgetpwent_r(f, pw, buf, size, &found)) == 0)
        if (name != NULL ? strcmp(pw->pw_name, name) == 0 : pw->pw_uid == uid)
            status = NSS_STATUS_SUCCESS;
    if (f != NULL)
        fclose(f);
    return failed(rc, status, why);
}

static enum nss_status find_group(const char *name, gid_t gid, struct group *gr, char *buf, size_t size, int *why)
{
    enum nss_status status;
    struct group *found;
    FILE *f = open_source("/etc/pace/group", &status, why);
    int rc = 0;

    while (f != NULL && status == NSS_STATUS_NOTFOUND && (rc = fgetgrent_r(f, gr, buf, size, &found)) == 0)
        if (name != NULL ? strcmp(gr->gr_name, name) == 0 : gr->gr_gid == gid)
            status = NSS_STATUS_SUCCESS;
    if (f != NULL)
        fclose(f);
    return failed(rc, status, why);
}

EXPORT enum nss_status _nss_pace_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, int *why)
{
    return find_passwd(name, 0, pw, buf, size, why);
}

EXPORT enum nss_status _nss_pace_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, int *why)
{
    return find_passwd(NULL, uid, pw, buf, size, why);
}

EXPORT enum nss_status _nss_pace_getgrnam_r(const char *name, struct group *gr, char *buf, size_t size, int *why)
{
    return find_group(name, 0, gr, buf, size, why);
}

EXPORT enum nss_status _nss_pace_getgrgid_r(gid_t gid, struct group *gr, char *buf, size_t size, int *why)
{
    return find_group(NULL, gid, gr, buf, size, why);
}

static bool lists(const struct group *gr, const char *user)
{
    for (char **m = gr->gr_mem; *m != NULL; m++)
        if (strcmp(*m, user) == 0)
            return true;
    return false;
}

EXPORT enum nss_status _nss_pace_initgroups_dyn(const char *user, gid_t group, long *start, long *size, gid_t **groups,
                                                long limit, int *why)
{
    static char buf[65536];
    enum nss_status status;
    struct group gr, *found;
    FILE *f = open_source("/etc/pace/group", &status, why);

    while (f != NULL && fgetgrent_r(f, &gr, buf, sizeof(buf), &found) == 0) {
        if (gr.gr_gid == group || !lists(&gr, user) || (limit > 0 && *start >= limit))
            continue;
        if (*start == *size) {
            gid_t *more = realloc(*groups, (size_t)*size * 2 * sizeof(*more));

            if (more == NULL)
                break;
            *groups = more;
            *size *= 2;
        }
        (*groups)[(*start)++] = gr.gr_gid;
        status = NSS_STATUS_SUCCESS;
    }
    if (f != NULL)
        fclose(f);
    return status;
}

/* It lists its entries, which not every directory does. */
static FILE *listing;

EXPORT enum nss_status _nss_pace_setpwent(int stay)
{
    enum nss_status status;
    int why;

    (void)stay;
    if (listing != NULL)
        fclose(listing);
    listing = open_source("/etc/pace/passwd", &status, &why);
    return listing != NULL ? NSS_STATUS_SUCCESS : status;
}

EXPORT enum nss_status _nss_pace_endpwent(void)
{
    if (listing != NULL)
        fclose(listing);
    listing = NULL;
    return NSS_STATUS_SUCCESS;
}

EXPORT enum nss_status _nss_pace_getpwent_r(struct passwd *pw, char *buf, size_t size, int *why)
{
    struct passwd *found;
    int rc;

    if (listing == NULL && _nss_pace_setpwent(0) != NSS_STATUS_SUCCESS)
        return NSS_STATUS_UNAVAIL;
    rc = fgetpwent_r(listing, pw, buf, size, &found);
    *why = ENOENT;
    return rc == 0 ? NSS_STATUS_SUCCESS : failed(rc, NSS_STATUS_NOTFOUND, why);
}
