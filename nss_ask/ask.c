/* SPDX-License-Identifier: ISC */
/*
 * Asks the sources of accounts and groups that nsswitch.conf names besides the local files and nhi.
 *
 *   nhi-nss-ask account|groups NAME [GID...]
 *
 * For libnhi (libnhi/base/elsewhere.h), which describes the lines of the answer and ends this program when its time is
 * up. Each source is asked by its own functions: glibc's would leave out a group that has another name or number in the
 * local files, and could not distinguish a source that gives no answer from an empty one.
 */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "libnhi/base/elsewhere.h"
#include "libnhi/check/privileged.h"

#define BUFFER_MAX (8u << 20)
#define GROUPS_MAX 4096

typedef enum nss_status by_name(const char *name, struct passwd *pw, char *buf, size_t size, int *why);
typedef enum nss_status by_gid(gid_t gid, struct group *gr, char *buf, size_t size, int *why);
typedef enum nss_status groups_of(const char *user, gid_t group, long *start, long *size, gid_t **groups, long limit,
                                  int *why);

struct asked {
    const char *name, *source;
    bool who;
    gid_t *gids;
    long count, room;
    enum { MEMBERSHIP, NAMES } what; /* the question to the sources of groups */
};

static char *buffer;
static size_t buffer_size;

/* A source that is named but not installed is empty, as for every other program of the host. */
static bool is_missing(void)
{
    const char *why = dlerror();

    return why != NULL && strstr(why, strerror(ENOENT)) != NULL;
}

static void *function(void *lib, const char *source, const char *what)
{
    char symbol[128];

    snprintf(symbol, sizeof(symbol), "_nss_%s_%s", source, what);
    return dlsym(lib, symbol);
}

static bool grow(void)
{
    char *more = buffer_size < BUFFER_MAX ? realloc(buffer, buffer_size * 4 + 4096) : NULL;

    if (more == NULL)
        return false;
    buffer = more;
    buffer_size = buffer_size * 4 + 4096;
    return true;
}

/* Whether to ask again with a larger buffer. */
static bool is_small(enum nss_status status, int why)
{
    return status == NSS_STATUS_TRYAGAIN && why == ERANGE && grow();
}

static bool add(struct asked *a, gid_t gid)
{
    gid_t *more;

    if (a->count >= a->room) {
        more = a->room < GROUPS_MAX ? realloc(a->gids, (size_t)a->room * 2 * sizeof(*more)) : NULL;
        if (more == NULL)
            return false;
        a->gids = more;
        a->room *= 2;
    }
    a->gids[a->count++] = gid;
    return true;
}

/* systemd's source gives the same answer on a host where the service does not run, for example if systemd is installed
 * but not in use. */
static bool is_served(const char *source)
{
    return strcmp(source, "systemd") != 0 || access("/run/systemd/userdb", F_OK) == 0;
}

static void no_answer(const struct asked *a, enum nss_status status, int why)
{
    if (status == NSS_STATUS_UNAVAIL && is_served(a->source))
        puts("b is not available");
    else if (status == NSS_STATUS_TRYAGAIN)
        printf("b failed: %.16s\n", strerrorname_np(why) != NULL ? strerrorname_np(why) : "?");
}

static void ask_account(struct asked *a, by_name *get)
{
    enum nss_status status;
    struct passwd pw;
    int why;

    do {
        why = 0;
        status = get(a->name, &pw, buffer, buffer_size, &why);
    } while (is_small(status, why));
    if (status == NSS_STATUS_SUCCESS)
        printf("a %u %u\n", pw.pw_uid, pw.pw_gid);
    if (status == NSS_STATUS_SUCCESS && !add(a, pw.pw_gid))
        puts("b has too many groups");
    no_answer(a, status, why);
}

static void ask_group(const struct asked *a, gid_t gid, by_gid *get)
{
    enum nss_status status;
    struct group gr;
    int why;

    do {
        why = 0;
        status = get(gid, &gr, buffer, buffer_size, &why);
    } while (is_small(status, why));
    if (status == NSS_STATUS_SUCCESS && nhi_group_is_privileged(gr.gr_name, gid))
        printf("p %.32s\n", gid == 0 ? "gid 0" : gr.gr_name);
    no_answer(a, status, why);
}

static void ask_membership(struct asked *a, groups_of *get)
{
    long before = a->count, i;
    int why = 0;
    /* -1: no group is left out as the account's primary group, which may be known from elsewhere. */
    enum nss_status status = get(a->name, (gid_t)-1, &a->count, &a->room, &a->gids, GROUPS_MAX, &why);

    for (i = before; i < a->count; i++)
        printf("g %u\n", a->gids[i]);
    if (a->count >= GROUPS_MAX)
        puts("b has too many groups");
    no_answer(a, status, why);
}

static void ask_names(const struct asked *a, by_gid *get)
{
    for (long i = 0; i < a->count; i++)
        ask_group(a, a->gids[i], get);
}

static void ask_library(enum nhi_database db, const char *source, void *lib, struct asked *a)
{
    union {
        void *at;
        by_name *account;
        by_gid *group;
        groups_of *membership;
    } f;

    if (db == NHI_PASSWD) {
        f.at = function(lib, source, "getpwnam_r");
        if (f.at != NULL)
            ask_account(a, f.account);
    } else if (a->what == MEMBERSHIP) {
        f.at = function(lib, source, "initgroups_dyn");
        if (f.at != NULL)
            ask_membership(a, f.membership);
        else if (function(lib, source, "getgrgid_r") != NULL)
            puts("b lists no memberships");
    } else {
        f.at = function(lib, source, "getgrgid_r");
        if (f.at != NULL)
            ask_names(a, f.group);
    }
}

static enum nhi_err ask(enum nhi_database db, const char *source, void *ctx)
{
    struct asked *a = ctx;
    char file[128];
    void *lib;

    if ((db == NHI_PASSWD) != a->who || strlen(source) > 32 || strchr(source, '/') != NULL)
        return NHI_OK;
    /* If the time runs out, the source that was asked last did not answer. */
    a->source = source;
    printf("? %s\n", source);
    fflush(stdout);
    snprintf(file, sizeof(file), "libnss_%s.so.2", source);
    lib = dlopen(file, RTLD_NOW);
    if (lib != NULL)
        ask_library(db, source, lib, a);
    else if (!is_missing())
        puts("b cannot be loaded");
    fflush(stdout);
    return NHI_OK;
}

static enum nhi_err ask_all(struct asked *a)
{
    enum nhi_err err = NHI_OK;

    if (a->who)
        err = nhi_nsswitch_each(ask, a);
    a->who = false;
    if (err == NHI_OK)
        err = nhi_nsswitch_each(ask, a);
    a->what = NAMES;
    return err == NHI_OK ? nhi_nsswitch_each(ask, a) : err;
}

int main(int argc, char **argv)
{
    struct asked a = { .room = 64 };

    if (argc < 3 || (strcmp(argv[1], "account") != 0 && strcmp(argv[1], "groups") != 0)) {
        fputs("usage: nhi-nss-ask account|groups NAME [GID...]\n", stderr);
        return 2;
    }
    if (chdir("/") != 0)
        return 1;
    a.who = strcmp(argv[1], "account") == 0;
    a.name = argv[2];
    a.gids = calloc((size_t)a.room, sizeof(*a.gids));
    if (a.gids == NULL || !grow()) {
        free(a.gids);
        return 1;
    }
    for (int i = 3; i < argc; i++)
        if (!add(&a, (gid_t)strtoul(argv[i], NULL, 10)))
            return 1;
    if (ask_all(&a) != NHI_OK)
        return 1;
    puts(".");
    return fflush(stdout) == 0 ? 0 : 1;
}
