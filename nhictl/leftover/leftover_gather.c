/* SPDX-License-Identifier: ISC */
/*
 * MUST: the real uid alone decides to whom a process belongs: sshd, mail servers and file servers take on the other
 * uids for a moment, and an agent's set-uid file gives them to a person's process. MUST: read processes first, then
 * sessions: a login registers before it takes on its uid.
 */
#include "nhictl/leftover/leftover_gather.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/record.h"
#include "libnhi/ledger/ledger_session.h"
#include "libnhi/ledger/ledger_watched.h"
#include "libnhi/session/cgroup.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_end.h"
#include "libnhi/session/session_find.h"
#include "nhictl/leftover/leftover_unit.h"
#include "nhictl/process/logind.h"

#define PERSON_MIN 1000 /* below are system users */
#define NOBODY 65534
#define DEPTH_MAX 65536
#define NAMESPACES_MAX 64 /* the kernel nests them 32 deep */

struct look_unit {
    char name[256];
    uint32_t uid;
    enum leftover_unit is;
};

struct look_login {
    uint32_t audit;
    enum leftover_login is;
};

void leftover_look_end(struct leftover_look *k)
{
    nhi_ledger_close(k->ledger);
    free(k->units);
    free(k->logins);
    memset(k, 0, sizeof(*k));
}

static bool real_uid(pid_t pid, uint32_t *uid)
{
    uint32_t all[3];

    if (!procs_uids(pid, all))
        return false;
    *uid = all[0];
    return true;
}

/* ---- to whom a login belongs ---- */

struct proof {
    uint32_t audit, person;
    const struct members *among;
    bool found;
};

/* A set-uid program that an agent's process started is not a login. */
static bool is_started_by_agent(pid_t pid, uint32_t audit)
{
    struct nhi_proc_stat stat;
    uint32_t of, uid;

    for (int depth = 0; depth < DEPTH_MAX && nhi_proc_stat(pid, &stat) == NHI_OK && stat.parent > 1; depth++) {
        pid = stat.parent;
        if (nhi_proc_audit(pid, &of) != NHI_OK || of != audit)
            return false;
        if (!real_uid(pid, &uid) || leftover_is_ours(uid))
            return true;
    }
    return false;
}

static int find_proof(pid_t pid, void *ctx)
{
    struct proof *p = ctx;
    struct nhi_proc_stat stat;
    uint32_t audit, uid;

    if (nhi_proc_audit(pid, &audit) == NHI_OK && audit == p->audit && nhi_proc_stat(pid, &stat) == NHI_OK &&
        !stat.ended && real_uid(pid, &uid) && (uid == 0 || uid == p->person) &&
        (p->among == NULL || members_has(p->among, pid)))
        p->found = !is_started_by_agent(pid, audit);
    return p->found;
}

bool leftover_is_persons(pid_t pid, uint32_t audit, const struct members *among)
{
    struct proof p = { .audit = audit, .among = among };
    uint32_t whose;

    /* A login of an agent is not a person's, no matter which processes are in it. */
    if (nhi_proc_loginuid(pid, &p.person) != NHI_OK || leftover_is_ours(p.person))
        return false;
    if (among == NULL && logind_knows(audit, &whose) && !leftover_is_ours(whose))
        return true;
    return nhi_proc_each(find_proof, &p) == NHI_OK && p.found;
}

struct over {
    const char *handle;
    bool found;
};

static enum nhi_err find_over(const struct nhi_session_end *end, void *ctx)
{
    struct over *o = ctx;

    o->found = o->found || strcmp(end->handle, o->handle) == 0;
    return NHI_OK;
}

/* Whether a session of ours had that audit session: a file says so until the ledger does. */
static bool was_ours(struct leftover_look *k, uint32_t audit)
{
    char handle[NHI_TREE_MAX + 1];
    struct over o = { .handle = handle };
    struct nhi_grant g;

    memset(&g, 0, sizeof(g));
    if (nhi_boot_id(g.boot) != NHI_OK)
        return false;
    nhi_session_audit_handle(&g, audit, handle);
    (void)!nhi_session_each_end(NHI_RUN_DIR, find_over, &o);
    if (!o.found && !k->opened) {
        k->opened = true;
        if (nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &k->ledger) != NHI_OK)
            k->ledger = NULL;
    }
    return o.found || (k->ledger != NULL && nhi_session_was(k->ledger, handle) == NHI_OK);
}

static enum leftover_login login_of(struct leftover_look *k, pid_t pid)
{
    struct look_login *more, one;
    enum nhi_err err = nhi_proc_audit(pid, &one.audit);

    if (err != NHI_OK)
        return LOGIN_NONE;
    for (size_t i = 0; i < k->login_count; i++)
        if (k->logins[i].audit == one.audit)
            return k->logins[i].is;
    if (was_ours(k, one.audit))
        one.is = LOGIN_AGENTS;
    else
        one.is = leftover_is_persons(pid, one.audit, NULL) ? LOGIN_PERSONS : LOGIN_OTHER;
    more = nhi_grow(k->logins, &k->login_room, k->login_count + 1, sizeof(*more));
    if (more != NULL) {
        k->logins = more;
        k->logins[k->login_count++] = one;
    }
    return one.is;
}

/* ---- to whom a container belongs ---- */

static int open_namespace(pid_t pid, const char *kind, struct stat *st)
{
    char path[40];
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/ns/%s", (long)pid, kind);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, st) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Whether no user namespace up to our own belongs to an agent. Takes over fd, of a user namespace; -1: not known. */
static bool is_free_of_agents(int fd, bool *unsure)
{
    bool is_free = fd >= 0;
    struct stat own, st;
    uid_t owner;
    int up, depth = 0;

    *unsure = fd < 0 || stat("/proc/self/ns/user", &own) != 0;
    while (is_free && !*unsure && fstat(fd, &st) == 0 && st.st_ino != own.st_ino && depth++ < NAMESPACES_MAX) {
        if (ioctl(fd, NS_GET_OWNER_UID, &owner) != 0) {
            *unsure = true;
            break;
        }
        is_free = !leftover_is_ours(owner);
        up = ioctl(fd, NS_GET_PARENT);
        close(fd);
        fd = up;
        *unsure = is_free && up < 0;
    }
    if (fd >= 0)
        close(fd);
    return is_free;
}

static void look_at_container(pid_t pid, struct leftover_facts *f)
{
    struct stat own, st;
    int fd = open_namespace(pid, "pid", &st);

    f->unsure = fd < 0 || stat("/proc/self/ns/pid", &own) != 0;
    if (!f->unsure && st.st_ino != own.st_ino)
        f->contained = is_free_of_agents(ioctl(fd, NS_GET_USERNS), &f->unsure) && !f->unsure;
    if (fd >= 0)
        close(fd);
}

/* ---- what started it ---- */

/* The program must belong to root, since anybody can choose the name of his own. */
static bool is_delivery(pid_t pid)
{
    char link[32], path[4096];
    const char *name;
    struct statx st;
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/%ld/exe", (long)pid);
    n = readlink(link, path, sizeof(path) - 1);
    /* Uses cached attributes: the program may be on a file system whose owner never answers. */
    if (n <= 0 || statx(AT_FDCWD, link, AT_STATX_DONT_SYNC, STATX_UID, &st) != 0 || st.stx_uid != 0)
        return false;
    path[n] = '\0';
    name = strrchr(path, '/');
    return name != NULL && leftover_delivers(name + 1);
}

static void look_at_parents(pid_t parent, const struct leftover_account *a, struct leftover_facts *f)
{
    struct nhi_proc_stat stat;
    bool first = true;
    uint32_t uid;

    for (int depth = 0; depth < DEPTH_MAX && parent > 1 && real_uid(parent, &uid); depth++) {
        if (uid != a->uid && first) {
            f->delivered = is_delivery(parent);
            first = false;
        }
        if (uid >= PERSON_MIN && uid != NOBODY && !leftover_is_ours(uid))
            f->person = true;
        if (nhi_proc_stat(parent, &stat) != NHI_OK)
            break;
        parent = stat.parent;
    }
}

/* A process cannot join another session of setsid(2), nor take its terminal. */
static bool is_at_others_terminal(const struct nhi_proc_stat *stat)
{
    struct nhi_proc_stat leader;
    uint32_t uid;

    return stat->tty != 0 && nhi_proc_stat(stat->session, &leader) == NHI_OK && !leader.ended &&
           leader.tty == stat->tty && real_uid(stat->session, &uid) && !leftover_is_ours(uid);
}

static enum leftover_unit unit_of(struct leftover_look *k, const struct leftover_account *a, pid_t pid)
{
    struct look_unit one = { .uid = a->uid }, *more;
    int64_t lingers;
    char path[4096];

    if (!logind_cgroup(pid, path, sizeof(path)))
        return UNIT_OTHER;
    one.is = leftover_unit_in(path, a->uid, one.name, sizeof(one.name));
    if (one.is == UNIT_MANAGER) {
        lingers = logind_lingers(a->name, a->uid);
        return lingers != 0 && (!a->known || lingers <= a->since.at) ? UNIT_KEPT : UNIT_MANAGER;
    }
    if (one.is != UNIT_UNKNOWN)
        return one.is;
    for (size_t i = 0; i < k->unit_count; i++)
        if (k->units[i].uid == one.uid && strcmp(k->units[i].name, one.name) == 0)
            return k->units[i].is;
    one.is = leftover_unit_ask(one.name, a);
    more = nhi_grow(k->units, &k->unit_room, k->unit_count + 1, sizeof(*more));
    if (more != NULL) {
        k->units = more;
        k->units[k->unit_count++] = one;
    }
    return one.is;
}

/* ---- all facts ---- */

static bool is_before(const struct leftover_look *k, const struct leftover_account *a, uint64_t start)
{
    const struct leftover_accounts *in = leftover_accounts();

    if (!a->known)
        return in->whole || !a->own || !k->lockdown;
    return in->here.boot[0] == '\0' || nhi_watched_is_before(&a->since, &in->here, start);
}

enum leftover_verdict leftover_verdict_of(struct leftover_look *k, const struct leftover_account *a, pid_t pid,
                                          const char **why)
{
    struct leftover_facts f = { .own = a->own, .daemons = a->daemons, .systemd = nhi_cgroup_is_systemds() };
    char handle[NHI_TREE_MAX + 1];
    struct nhi_proc_stat stat;
    struct nhi_grant g;
    uint32_t uid;

    *why = "gone";
    if (!real_uid(pid, &uid) || uid != a->uid || nhi_proc_stat(pid, &stat) != NHI_OK || stat.ended)
        return LEFTOVER_STAYS;
    f.inside = nhi_session_find(NHI_RUN_DIR, pid, &g) != NHI_ERR_NOT_FOUND;
    if (!f.inside) {
        f.before = is_before(k, a, stat.self.start);
        f.cgroup = nhi_cgroup_of(pid, handle, sizeof(handle)) == NHI_OK;
        f.login = login_of(k, pid);
        f.terminal = is_at_others_terminal(&stat);
        look_at_container(pid, &f);
        look_at_parents(stat.parent, a, &f);
        if (f.systemd)
            f.unit = unit_of(k, a, pid);
    }
    return leftover_judge(&f, why);
}
