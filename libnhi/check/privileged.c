/* SPDX-License-Identifier: ISC */
/*
 * MUST: anything that cannot be read is an error, or blind, and never "not privileged". MUST: call nothing of glibc's
 * resolver: it drops the errors of its sources, and waits for them without a limit.
 */
#include "libnhi/check/privileged.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/elsewhere.h"
#include "libnhi/base/grow.h"
#include "libnhi/check/local_lines.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_read.h"

/*
 * Each of these leads to root, or to everybody's secrets, without asking anyone: sudo's and su's own groups, the
 * readers of raw memory, raw disks and password hashes, the users who start containers or virtual machines with any
 * mount, those who write what root runs (staff: /usr/local), and those who read every log.
 */
static const char *const privileged[] = {
    "root",        "sudo",   "wheel",   "admin", "adm",   "shadow",          "disk", "kmem", "lxd", "lxc", "incus",
    "incus-admin", "docker", "libvirt", "kvm",   "staff", "systemd-journal",
};

#define NAMES (sizeof(privileged) / sizeof(privileged[0]))
#define LETTERS "adiklrsw" /* with which those names begin */

#define GROUPS_MAX 4096
#define PASSWD_FILE "/etc/passwd"
#define GROUP_FILE "/etc/group"

bool nhi_group_is_privileged(const char *name, uint32_t gid)
{
    if (gid == 0)
        return true;
    for (size_t i = 0; name != NULL && i < NAMES; i++)
        if (strcmp(name, privileged[i]) == 0)
            return true;
    return false;
}

/* ---- what is gathered ---- */

struct gids {
    uint32_t *all;
    size_t count, room;
};

struct look {
    struct nhi_host_account *l;
    struct gids mine;  /* groups of the account */
    struct gids known; /* those of them that have a name on this host */
    struct gids leads; /* every gid that a privileged name has here; names[i] is that name */
    const char **names;
    size_t name_room;
};

static bool gids_has(const struct gids *g, uint32_t gid)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->all[i] == gid)
            return true;
    return false;
}

static enum nhi_err gids_add(struct gids *g, uint32_t gid)
{
    uint32_t *more;

    if (gids_has(g, gid))
        return NHI_OK;
    if (g->count == GROUPS_MAX)
        return NHI_ERR_FULL;
    more = nhi_grow(g->all, &g->room, g->count + 1, sizeof(*more));
    if (more == NULL)
        return NHI_ERR_NOMEM;
    g->all = more;
    g->all[g->count++] = gid;
    return NHI_OK;
}

static void because(struct nhi_host_account *l, const char *why)
{
    if (l->privileged)
        return;
    l->privileged = true;
    snprintf(l->because, sizeof(l->because), "%s", why);
}

/* ---- the account ---- */

struct wanted {
    struct nhi_host_account *l;
    bool by_uid, found;
};

static enum nhi_err take_account(struct nhi_line line, void *ctx)
{
    struct wanted *w = ctx;
    uint32_t uid, gid;

    if (w->found || !nhi_line_is_account(line, w->l->name, &uid, &gid) || (w->by_uid && uid != w->l->uid))
        return NHI_OK;
    w->found = true;
    w->l->uid = uid;
    w->l->gid = gid;
    return NHI_OK;
}

/* An agent's own account, from the file that nss_nhi reads: by name, and by uid if that is asked for. */
static enum nhi_err take_own(struct look *k, struct wanted *w)
{
    struct nhi_snapshot s;
    struct nhi_account a;
    enum nhi_err err = nhi_snapshot_open_published(&s);

    if (err == NHI_ERR_SYS && errno == ENOENT)
        return NHI_OK;
    if (err != NHI_OK)
        return err;
    err = nhi_snapshot_by_name(&s, k->l->name, &a);
    if (err == NHI_OK && (!(w->found || w->by_uid) || a.uid == k->l->uid)) {
        k->l->own = true;
        if (!w->found) {
            w->found = true;
            k->l->uid = k->l->gid = a.uid;
        }
        err = gids_add(&k->mine, s.uid_min);
        if (err == NHI_OK)
            err = gids_add(&k->known, s.uid_min);
        if (err == NHI_OK)
            err = gids_add(&k->known, a.uid);
        for (uint32_t i = 0; i < a.group_count && err == NHI_OK; i++)
            err = gids_add(&k->mine, a.groups[i]);
    }
    nhi_snapshot_close(&s);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

/* ---- its groups ---- */

static const char *privileged_name(struct nhi_line name)
{
    for (size_t i = 0; i < NAMES; i++)
        if (nhi_line_equals(name, privileged[i]))
            return privileged[i];
    return NULL;
}

static enum nhi_err lead(struct look *k, const char *name, uint32_t gid)
{
    size_t at = k->leads.count;
    const char **more;
    enum nhi_err err = gids_add(&k->leads, gid);

    if (err != NHI_OK || k->leads.count == at)
        return err;
    more = nhi_grow(k->names, &k->name_room, k->leads.count, sizeof(*more));
    if (more == NULL)
        return NHI_ERR_NOMEM;
    k->names = more;
    k->names[at] = name;
    return NHI_OK;
}

static enum nhi_err take_group(struct nhi_line line, void *ctx)
{
    struct nhi_local_group g;
    struct look *k = ctx;
    enum nhi_err err = NHI_OK;
    const char *name;

    if (!nhi_line_is_group(line, &g))
        return NHI_OK;
    if (nhi_local_group_lists(&g, k->l->name))
        err = gids_add(&k->mine, g.gid);
    if (err == NHI_OK && g.gid != 0 && (name = privileged_name(g.name)) != NULL)
        err = lead(k, name, g.gid);
    return err;
}

/* A caller of su or sudo already has groups, and sudo matches by those: they may be more than any source now lists.
 * After the permit, sudo takes the groups of the account that it becomes. */
static enum nhi_err take_process(struct look *k)
{
    gid_t *g;
    int n;
    enum nhi_err err;

    if (getuid() == 0 || getuid() != k->l->uid)
        return NHI_OK;
    n = getgroups(0, NULL);
    /* NOLINTNEXTLINE(clang-analyzer-optin.taint.TaintedAlloc): bounded here */
    g = n >= 0 && n <= NGROUPS_MAX ? calloc((size_t)n + 1, sizeof(*g)) : NULL;
    if (g == NULL)
        return NHI_ERR_NOMEM;
    n = getgroups(n, g);
    err = n >= 0 ? gids_add(&k->mine, getgid()) : NHI_ERR_SYS;
    for (int i = 0; i < n && err == NHI_OK; i++)
        err = gids_add(&k->mine, g[i]);
    free(g);
    return err;
}

static void judge(struct look *k)
{
    if (gids_has(&k->mine, 0))
        because(k->l, "gid 0");
    for (size_t i = 0; i < k->leads.count; i++)
        if (gids_has(&k->mine, k->leads.all[i]))
            because(k->l, k->names[i]);
}

static enum nhi_err take_known(struct nhi_line line, void *ctx)
{
    struct nhi_local_group g;
    struct look *k = ctx;

    return nhi_line_is_group(line, &g) && gids_has(&k->mine, g.gid) ? gids_add(&k->known, g.gid) : NHI_OK;
}

/* Whether each of its groups has a name in the local files. */
static bool all_known(struct look *k)
{
    static const struct nhi_lines all = { .file = GROUP_FILE, .letters = "" };

    if (nhi_lines_each(&all, take_known, k) != NHI_OK)
        return false;
    for (size_t i = 0; i < k->mine.count; i++)
        if (!gids_has(&k->known, k->mine.all[i]))
            return false;
    return true;
}

static enum nhi_err groups(struct look *k, struct nhi_elsewhere *e)
{
    const struct nhi_lines which = { GROUP_FILE, k->l->name, LETTERS };
    enum nhi_err err = gids_add(&k->mine, k->l->gid);

    for (size_t i = 0; i < e->count && err == NHI_OK; i++)
        err = gids_add(&k->mine, e->gids[i]);
    if (err == NHI_OK)
        err = nhi_lines_each(&which, take_group, k);
    if (err == NHI_OK)
        judge(k);
    return err;
}

/* What the other sources know about it; not asked if it is privileged anyway. */
static enum nhi_err ask_elsewhere(struct look *k, const uint32_t *uid, bool who, struct nhi_elsewhere *e)
{
    enum nhi_err err = nhi_elsewhere_ask(k->l->name, uid, who, k->mine.all, k->mine.count, e);

    if (err == NHI_OK && e->privileged[0] != '\0')
        because(k->l, e->privileged);
    if (err == NHI_OK)
        memcpy(k->l->blind, e->blind, sizeof(k->l->blind));
    return err;
}

static enum nhi_err look(const uint32_t *uid, bool of_process, struct look *k)
{
    const struct nhi_lines accounts = { PASSWD_FILE, k->l->name, "" };
    struct wanted w = { .l = k->l, .by_uid = uid != NULL };
    struct nhi_elsewhere e = { .count = 0 };
    enum nhi_err err = nhi_lines_each(&accounts, take_account, &w);
    size_t had = 0;
    bool here;

    if (err == NHI_OK)
        err = take_own(k, &w);
    here = w.found;
    if (err == NHI_OK && of_process)
        err = take_process(k);
    if (err == NHI_OK && !here) {
        err = ask_elsewhere(k, uid, true, &e);
        if (err == NHI_OK && e.found && (uid == NULL || e.uid == *uid)) {
            k->l->uid = e.uid;
            k->l->gid = e.gid;
        } else if (err == NHI_OK) {
            err = e.blind[0] != '\0' ? NHI_ERR_BUSY : NHI_ERR_NOT_FOUND;
        }
    }
    if (err == NHI_OK && (k->l->uid == 0 || k->l->gid == 0))
        because(k->l, k->l->uid == 0 ? "uid 0" : "gid 0");
    if (err == NHI_OK && !k->l->privileged)
        err = groups(k, &e);
    if (err == NHI_OK && here && !k->l->privileged) {
        err = ask_elsewhere(k, uid, false, &e);
        had = k->mine.count;
        for (size_t i = 0; i < e.count && err == NHI_OK; i++)
            err = gids_add(&k->mine, e.gids[i]);
        if (err == NHI_OK)
            judge(k);
    }
    /* A user who can keep the program from running, by a cgroup limit or a signal, must not hide groups in that way. */
    k->l->goes_on =
        err == NHI_OK && k->l->blind[0] != '\0' && k->l->own && !e.unasked && k->mine.count == had && all_known(k);
    nhi_elsewhere_free(&e);
    return err;
}

static enum nhi_err find(const char *name, const uint32_t *uid, bool of_process, struct nhi_host_account *out)
{
    struct nhi_host_account l = { .uid = uid != NULL ? *uid : 0 };
    struct look k = { .l = &l };
    enum nhi_err err;

    if (strlen(name) >= sizeof(l.name))
        return NHI_ERR_TOO_LONG;
    if (name[0] == '\0')
        return NHI_ERR_NOT_FOUND;
    memcpy(l.name, name, strlen(name));
    err = look(uid, of_process, &k);
    free(k.mine.all);
    free(k.known.all);
    free(k.leads.all);
    free(k.names);
    if (err == NHI_OK)
        *out = l;
    return err;
}

enum nhi_err nhi_host_account_by_name(const char *name, struct nhi_host_account *out)
{
    return find(name, NULL, false, out);
}

enum nhi_err nhi_host_account_uid(const char *name, uint32_t *uid)
{
    struct nhi_host_account l;
    enum nhi_err err;

    if (nhi_snapshot_uid_of(name, uid) == NHI_OK)
        return NHI_OK;
    err = nhi_host_account_by_name(name, &l);
    if (err == NHI_OK)
        *uid = l.uid;
    return err;
}

enum nhi_err nhi_host_account_of(const char *name, uint32_t uid, bool of_process, struct nhi_host_account *out)
{
    return find(name, &uid, of_process, out);
}
