/* SPDX-License-Identifier: ISC */
/*
 * Listing registered sessions, and ending those without processes. Used by nhictl.
 *
 * MUST: look at the handles first and at the processes after that, or a login between the two would be forgotten at
 * once and count as a person's from then on. MUST: a process that cannot be looked at is alive.
 */
#include "libnhi/session/session_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/record.h"
#include "libnhi/session/cgroup.h"
#include "libnhi/session/cgroup_end.h"
#include "libnhi/session/session_end.h"
#include "libnhi/session/session_index.h"

#define LOOKS 8 /* looks before an audit session counts as empty, on a host that starts processes all the time */

struct live {
    uint32_t *ids;
    size_t count, room;
    enum nhi_err err;
};

static int compare(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

struct name {
    uint64_t inode;
    char text[NAME_MAX + 1];
};

struct names {
    struct name *all;
    size_t count, room;
    size_t reasons; /* why sessions are being ended */
};

static enum nhi_err list(DIR *d, struct names *names)
{
    struct name *more;
    struct dirent *e;

    while ((e = readdir(d)) != NULL) {
        names->reasons += e->d_name[0] == NHI_SESSION_WHY[0];
        /* Marks of the ends of sessions are no sessions. */
        if (e->d_name[0] == '.' || strchr("ew", e->d_name[0]) != NULL)
            continue;
        more = nhi_grow(names->all, &names->room, names->count + 1, sizeof(*more));
        if (more == NULL)
            return NHI_ERR_NOMEM;
        names->all = more;
        more[names->count].inode = e->d_ino;
        snprintf(more[names->count++].text, sizeof(more->text), "%s", e->d_name);
    }
    return NHI_OK;
}

/* Leaves those that are meant, and those that are not in the index: all, if that cannot be read. */
static void choose(int dirfd, struct names *names, const struct nhi_session_about *about)
{
    struct nhi_session_indexed *all = NULL;
    const struct nhi_session_indexed *one;
    size_t count = 0, kept = 0;
    enum nhi_err err = nhi_session_index_read(dirfd, about, &all, &count);

    for (size_t i = 0; err == NHI_OK && i < names->count; i++) {
        one = nhi_session_index_find(all, count, names->all[i].inode, names->all[i].text);
        if (one == NULL || one->meant)
            names->all[kept++] = names->all[i];
    }
    if (err == NHI_OK)
        names->count = kept;
    free(all);
}

static int add(pid_t pid, void *ctx)
{
    struct live *live = ctx;
    uint32_t id, *more;

    live->err = nhi_proc_audit(pid, &id);
    if (live->err == NHI_ERR_NOT_FOUND) {
        live->err = NHI_OK;
        return 0;
    }
    if (live->err != NHI_OK)
        return 1;
    more = nhi_grow(live->ids, &live->room, live->count + 1, sizeof(*more));
    if (more == NULL) {
        live->err = NHI_ERR_NOMEM;
        return 1;
    }
    live->ids = more;
    live->ids[live->count++] = id;
    return 0;
}

/* Collects every audit session that has a process; those of an earlier look stay. */
static enum nhi_err collect(struct live *live)
{
    enum nhi_err err = nhi_proc_each(add, live);

    if (err == NHI_OK)
        err = live->err;
    if (err == NHI_OK && live->count > 0)
        qsort(live->ids, live->count, sizeof(*live->ids), compare);
    return err;
}

/* Parses a handle's name: 'a' or 'p' of this boot, or 0. */
static char parse_name(const char *name, const char *boot, unsigned long long *a, unsigned long long *b)
{
    char kind = 0, of[9] = "";
    int n;

    *b = 0;
    n = sscanf(name, "%c-%8[0-9a-f]-%llu-%llu", &kind, of, a, b);
    if (strncmp(of, boot, 8) != 0)
        return 0;
    return (kind == 'a' && n == 3) || (kind == 'p' && n == 4) ? kind : 0;
}

static bool is_alive(const char *name, const char *boot, const struct live *live)
{
    unsigned long long a, b;
    struct nhi_proc p;
    uint32_t id;

    switch (parse_name(name, boot, &a, &b)) {
    case 'a':
        id = (uint32_t)a;
        return (live->count > 0 && bsearch(&id, live->ids, live->count, sizeof(id), compare) != NULL) ||
               nhi_cgroup_is_populated(name);
    case 'p':
        p = (struct nhi_proc){ .pid = (pid_t)a, .start = b };
        return nhi_proc_is_alive(&p) || nhi_cgroup_is_populated(name);
    default:
        return false;
    }
}

/* A pid of another PID namespace means nothing here, or another process. */
static bool is_elsewhere(const char *tree, const char *boot)
{
    unsigned long long ns;
    char of[9] = "";

    return sscanf(tree, "p-%8[0-9a-f]-%*u-%*u-%llu", of, &ns) == 2 && strncmp(of, boot, 8) == 0 &&
           ns != nhi_proc_namespace();
}

bool nhi_session_is_alive(const char *handle)
{
    unsigned long long a, b;
    struct nhi_proc p;
    char boot[37];

    if (nhi_boot_id(boot) != NHI_OK || is_elsewhere(handle, boot))
        return true;
    if (parse_name(handle, boot, &a, &b) != 'p')
        return false;
    p = (struct nhi_proc){ .pid = (pid_t)a, .start = b };
    return nhi_proc_is_alive(&p);
}

/* Sessions that an older release registered get a name in the index. */
static void mend_index(int dirfd, const struct names *names)
{
    static const struct nhi_session_about none = { .ticket = NULL };
    struct nhi_session_indexed *all = NULL;
    size_t count = 0, known = 0;
    bool whole = true;

    if (nhi_session_index_read(dirfd, &none, &all, &count) != NHI_OK)
        return;
    for (size_t i = 0; i < names->count; i++) {
        enum nhi_err err = NHI_OK;

        if (nhi_session_index_find(all, count, names->all[i].inode, names->all[i].text) != NULL)
            known++;
        else
            err = nhi_session_index_adopt(dirfd, names->all[i].text);
        whole = whole && (err == NHI_OK || err == NHI_ERR_NOT_FOUND);
    }
    if (whole)
        nhi_session_index_is_whole(dirfd);
    if (known < count)
        nhi_session_index_sweep(dirfd);
    free(all);
}

struct walk {
    int (*fn)(const char *handle, const struct nhi_grant *, bool alive, void *);
    void *ctx;
    const struct nhi_session_about *about;   /* NULL: all sessions, or */
    const char (*handles)[NHI_TREE_MAX + 1]; /* these */
    size_t handle_count;
    bool sweep;
    uint32_t removed;
    char boot[37];
    struct live live;
    bool looked; /* at all processes */
};

/* How many processes this host has started since its boot; 0: unknown. */
static unsigned long long started(void)
{
    FILE *f = fopen("/proc/stat", "re");
    unsigned long long n = 0;
    char line[256];

    while (f != NULL && n == 0 && fgets(line, sizeof(line), f) != NULL)
        (void)sscanf(line, "processes %llu", &n);
    if (f != NULL)
        fclose(f);
    return n;
}

/* Whether an audit session seems to be empty. */
static bool some_are_missing(const struct names *names, const char *boot, const struct live *live)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->all[i].text[0] == 'a' && !is_alive(names->all[i].text, boot, live))
            return true;
    return false;
}

/* A process that becomes another one every moment is always ahead of a look, or behind it when the kernel's pids start
 * again. A look proves that a session is empty if no process was started meanwhile; otherwise only many looks make that
 * likely. */
static enum nhi_err look(const struct names *names, const char *boot, struct live *live)
{
    unsigned long long before, after = started();
    enum nhi_err err;
    int i = 0;

    do {
        before = after;
        err = collect(live);
        after = started();
    } while (err == NHI_OK && (before == 0 || after != before) && ++i < LOOKS && some_are_missing(names, boot, live));
    return err;
}

/* Whether the process that registered an audit session is inside, which is enough. In another PID namespace, its number
 * belongs to another process, which is not. */
static bool opener_is_inside(const char *name, const char *boot, const struct nhi_grant *g)
{
    unsigned long long a, b;
    uint32_t id;

    return parse_name(name, boot, &a, &b) == 'a' && nhi_proc_audit(g->self.pid, &id) == NHI_OK && id == (uint32_t)a;
}

/* All processes are looked at only if one of the sessions needs that. */
static enum nhi_err find_alive(struct walk *w, const struct names *names, const char *name, const struct nhi_grant *g,
                               bool *alive)
{
    enum nhi_err err = NHI_OK;

    *alive = (g != NULL && opener_is_inside(name, w->boot, g)) || is_alive(name, w->boot, &w->live);
    if (*alive || w->looked || name[0] != 'a')
        return NHI_OK;
    err = look(names, w->boot, &w->live);
    w->looked = true;
    *alive = is_alive(name, w->boot, &w->live);
    return err;
}

static enum nhi_err visit(struct walk *w, int dirfd, const struct names *names, const char *name, bool *stop)
{
    struct nhi_grant g;
    enum nhi_err err, read = nhi_record_read(dirfd, name, &g);
    bool alive;

    if (read == NHI_ERR_NOT_FOUND)
        return NHI_OK;
    err = find_alive(w, names, name, read == NHI_OK ? &g : NULL, &alive);
    if (err != NHI_OK)
        return err;
    if (w->sweep) {
        /* The processes in a session of another PID namespace cannot be seen from here. */
        if (!alive && (read != NHI_OK || g.ns == 0 || g.ns == nhi_proc_namespace()) &&
            nhi_session_bury(dirfd, name, w->boot))
            w->removed++;
        return NHI_OK;
    }
    if (read == NHI_OK)
        *stop = w->fn(name, &g, alive, w->ctx) != 0;
    return read;
}

static enum nhi_err name(const struct walk *w, struct names *names)
{
    names->all = w->handle_count > 0 ? calloc(w->handle_count, sizeof(*names->all)) : NULL;
    if (w->handle_count > 0 && names->all == NULL)
        return NHI_ERR_NOMEM;
    for (size_t i = 0; i < w->handle_count; i++)
        snprintf(names->all[i].text, sizeof(names->all[i].text), "%s", w->handles[i]);
    names->count = w->handle_count;
    return NHI_OK;
}

static enum nhi_err open_sessions(const char *run_dir, DIR **d)
{
    char path[256];

    if (snprintf(path, sizeof(path), "%s/%s", run_dir, NHI_SESSIONS_DIR) >= (int)sizeof(path))
        return NHI_ERR_ARG;
    *d = opendir(path);
    if (*d == NULL)
        return errno == ENOENT ? NHI_ERR_NOT_FOUND : NHI_ERR_SYS;
    return NHI_OK;
}

static enum nhi_err walk(const char *run_dir, struct walk *w)
{
    struct names names = { NULL, 0, 0, 0 };
    bool stop = false;
    DIR *d = NULL;
    enum nhi_err err = open_sessions(run_dir, &d);

    if (err != NHI_OK)
        return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
    err = nhi_boot_id(w->boot);
    if (err == NHI_OK)
        err = w->handles != NULL ? name(w, &names) : list(d, &names);
    if (err == NHI_OK && w->about != NULL)
        choose(dirfd(d), &names, w->about);
    for (size_t i = 0; err == NHI_OK && !stop && i < names.count; i++)
        err = visit(w, dirfd(d), &names, names.all[i].text, &stop);
    if (err == NHI_OK && w->sweep && w->handles == NULL)
        mend_index(dirfd(d), &names);
    closedir(d);
    free(names.all);
    free(w->live.ids);
    return err;
}

enum nhi_err nhi_session_each(const char *run_dir,
                              int (*fn)(const char *handle, const struct nhi_grant *, bool alive, void *), void *ctx)
{
    struct walk w = { .fn = fn, .ctx = ctx };

    return walk(run_dir, &w);
}

enum nhi_err nhi_session_each_about(const char *run_dir, const struct nhi_session_about *about,
                                    int (*fn)(const char *handle, const struct nhi_grant *, bool alive, void *),
                                    void *ctx)
{
    struct walk w = { .fn = fn, .ctx = ctx, .about = about };

    return walk(run_dir, &w);
}

enum nhi_err nhi_session_each_of(const char *run_dir, const char (*handles)[NHI_TREE_MAX + 1], size_t count,
                                 int (*fn)(const char *handle, const struct nhi_grant *, bool alive, void *), void *ctx)
{
    struct walk w = { .fn = fn, .ctx = ctx, .handles = handles, .handle_count = count };

    return walk(run_dir, &w);
}

enum nhi_err nhi_session_sweep_of(const char *run_dir, const char (*handles)[NHI_TREE_MAX + 1], size_t count)
{
    struct walk w = { .sweep = true, .handles = handles, .handle_count = count };

    return walk(run_dir, &w);
}

/* Whether the reason for its end is recorded already: a link with the grant's ID, which is in the index as well. */
static bool is_ending(int dirfd, const struct nhi_session_indexed *one)
{
    char why[NHI_JTI_LEN + 3];
    struct stat st;

    snprintf(why, sizeof(why), NHI_SESSION_WHY "%s", one->id);
    return fstatat(dirfd, why, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum nhi_err count_ending(int dirfd, const struct names *names, struct nhi_session_count *n)
{
    static const struct nhi_session_about none = { .ticket = NULL };
    struct nhi_session_indexed *all = NULL;
    const struct nhi_session_indexed *one;
    size_t count = 0;
    enum nhi_err err = nhi_session_index_read(dirfd, &none, &all, &count);

    for (size_t i = 0; err == NHI_OK && i < names->count; i++) {
        one = nhi_session_index_find(all, count, names->all[i].inode, names->all[i].text);
        if (one != NULL && is_ending(dirfd, one) && n->ending++ == 0)
            memcpy(n->one, one->handle, sizeof(n->one));
    }
    free(all);
    return err;
}

enum nhi_err nhi_session_count(const char *run_dir, struct nhi_session_count *out)
{
    struct names names = { NULL, 0, 0, 0 };
    struct nhi_session_count n = { .registered = 0 };
    unsigned long long a, b;
    char boot[37];
    DIR *d = NULL;
    enum nhi_err err = open_sessions(run_dir, &d);

    if (err == NHI_OK)
        err = nhi_boot_id(boot);
    if (err == NHI_OK)
        err = list(d, &names);
    for (size_t i = 0; err == NHI_OK && i < names.count; i++)
        n.registered += parse_name(names.all[i].text, boot, &a, &b) != 0;
    if (err == NHI_OK && names.reasons > 0)
        err = count_ending(dirfd(d), &names, &n);
    if (d != NULL)
        closedir(d);
    free(names.all);
    if (err == NHI_OK || err == NHI_ERR_NOT_FOUND)
        *out = n;
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_session_sweep(const char *run_dir, uint32_t *removed)
{
    struct walk w = { .sweep = true };
    enum nhi_err err = walk(run_dir, &w);

    nhi_cgroup_sweep();
    if (err == NHI_OK && removed != NULL)
        *removed = w.removed;
    return err;
}
