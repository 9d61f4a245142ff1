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
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/record.h"
#include "libnhi/session/cgroup.h"
#include "libnhi/session/cgroup_end.h"
#include "libnhi/session/session_end.h"

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

struct names {
    char (*all)[NAME_MAX + 1];
    size_t count, room;
};

static enum nhi_err list(DIR *d, struct names *names)
{
    char(*more)[NAME_MAX + 1];
    struct dirent *e;

    while ((e = readdir(d)) != NULL) {
        /* Marks of the ends of sessions are no sessions. */
        if (e->d_name[0] == '.' || strchr("ew", e->d_name[0]) != NULL)
            continue;
        more = nhi_grow(names->all, &names->room, names->count + 1, sizeof(*more));
        if (more == NULL)
            return NHI_ERR_NOMEM;
        names->all = more;
        snprintf(names->all[names->count++], NAME_MAX + 1, "%s", e->d_name);
    }
    return NHI_OK;
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

struct walk {
    int (*fn)(const char *handle, const struct nhi_grant *, bool alive, void *);
    void *ctx;
    bool sweep;
    uint32_t removed;
    char boot[37];
    struct live live;
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
        if (names->all[i][0] == 'a' && !is_alive(names->all[i], boot, live))
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

static enum nhi_err visit(struct walk *w, int dirfd, const char *name, bool *stop)
{
    bool alive = is_alive(name, w->boot, &w->live);
    struct nhi_grant g;
    enum nhi_err err;

    err = nhi_record_read(dirfd, name, &g);
    if (w->sweep) {
        /* The processes in a session of another PID namespace cannot be seen from here. */
        if (!alive && (err != NHI_OK || g.ns == 0 || g.ns == nhi_proc_namespace()) &&
            nhi_session_bury(dirfd, name, w->boot))
            w->removed++;
        return NHI_OK;
    }
    if (err == NHI_OK)
        *stop = w->fn(name, &g, alive, w->ctx) != 0;
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static enum nhi_err walk(const char *run_dir, struct walk *w)
{
    struct names names = { NULL, 0, 0 };
    char path[256];
    bool stop = false;
    enum nhi_err err;
    DIR *d;

    if (snprintf(path, sizeof(path), "%s/%s", run_dir, NHI_SESSIONS_DIR) >= (int)sizeof(path))
        return NHI_ERR_ARG;
    d = opendir(path);
    if (d == NULL)
        return errno == ENOENT ? NHI_OK : NHI_ERR_SYS;
    err = nhi_boot_id(w->boot);
    if (err == NHI_OK)
        err = list(d, &names);
    if (err == NHI_OK)
        err = look(&names, w->boot, &w->live);
    for (size_t i = 0; err == NHI_OK && !stop && i < names.count; i++)
        err = visit(w, dirfd(d), names.all[i], &stop);
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

enum nhi_err nhi_session_sweep(const char *run_dir, uint32_t *removed)
{
    struct walk w = { .sweep = true };
    enum nhi_err err = walk(run_dir, &w);

    nhi_cgroup_sweep();
    if (err == NHI_OK && removed != NULL)
        *removed = w.removed;
    return err;
}
