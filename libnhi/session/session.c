/* SPDX-License-Identifier: ISC */
/*
 * Registering a session, and the names of its handles. session_find.c finds the processes inside.
 */
#include "libnhi/session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/record.h"
#include "libnhi/session/cgroup.h"
#include "libnhi/session/session_index.h"

/* Opens run_dir/sessions; both are created if they are missing, since /run is empty after each boot. */
static enum nhi_err make_sessions(const char *run_dir, int *fd)
{
    const char *slash = strrchr(run_dir, '/');
    int parent = -1, run = -1;
    char above[256];
    enum nhi_err err;

    if (slash == NULL || slash[1] == '\0' || (size_t)(slash - run_dir) >= sizeof(above))
        return NHI_ERR_ARG;
    memcpy(above, run_dir, (size_t)(slash - run_dir));
    above[slash - run_dir] = '\0';
    err = nhi_dir_open(above[0] != '\0' ? above : "/", &parent);
    if (err == NHI_OK)
        err = nhi_session_dir(parent, slash + 1, &run);
    if (err == NHI_OK)
        err = nhi_session_dir(run, NHI_SESSIONS_DIR, fd);
    if (run >= 0)
        close(run);
    if (parent >= 0)
        close(parent);
    return err;
}

enum nhi_err nhi_session_make_dir(const char *run_dir)
{
    enum nhi_err err;
    int fd = -1;

    err = make_sessions(run_dir, &fd);
    if (err == NHI_OK)
        close(fd);
    return err;
}

void nhi_session_audit_name(char *name, size_t size, const char *boot, uint32_t id)
{
    snprintf(name, size, "a-%.8s-%u", boot, (unsigned)id);
}

void nhi_session_proc_name(char *name, size_t size, const char *boot, const struct nhi_proc *p)
{
    snprintf(name, size, "p-%.8s-%ld-%llu", boot, (long)p->pid, (unsigned long long)p->start);
}

void nhi_session_audit_handle(const struct nhi_grant *g, uint32_t audit, char *out)
{
    nhi_session_audit_name(out, NHI_TREE_MAX + 1, g->boot, audit);
}

/* A handle that holds more than one process, an audit session or a cgroup, outlives the process that registered it. */
bool nhi_session_outlives(const struct nhi_grant *g, const char *handle)
{
    char in[NHI_TREE_MAX + 1];

    return handle[0] == 'a' || (nhi_cgroup_of(g->self.pid, in, sizeof(in)) == NHI_OK && strcmp(in, handle) == 0);
}

void nhi_session_handle(const struct nhi_grant *g, char *out)
{
    nhi_session_proc_name(out, NHI_TREE_MAX + 1, g->boot, &g->self);
}

void nhi_session_tree(const struct nhi_grant *g, char *out)
{
    size_t len;

    nhi_session_handle(g, out);
    len = strlen(out);
    snprintf(out + len, NHI_TREE_MAX + 1 - len, "-%llu", (unsigned long long)g->ns);
}

/* Whether this login has an audit session of its own: set for this account, and not shared with the parent process. */
static bool has_own_audit(const struct nhi_grant *g, uint32_t login_uid, uint32_t *own)
{
    uint32_t parents, uid;
    enum nhi_err err;

    if (g->parent.pid == 0 || nhi_proc_loginuid(g->self.pid, &uid) != NHI_OK || uid != login_uid ||
        nhi_proc_audit(g->self.pid, own) != NHI_OK)
        return false;
    err = nhi_proc_audit(g->parent.pid, &parents);
    return err == NHI_ERR_NOT_FOUND || (err == NHI_OK && *own != parents);
}

/* An audit session if one is possible: child processes cannot leave it. Else the process itself, with its descendants.
 */
static void choose_handle(char *name, size_t size, const struct nhi_grant *g, enum nhi_session_of of, uint32_t uid)
{
    uint32_t own;

    nhi_session_proc_name(name, size, g->boot, &g->self);
    if (of == NHI_OF_TREE)
        return;
    if ((of == NHI_OF_LOGIN && has_own_audit(g, uid, &own)) ||
        (nhi_proc_new_audit(uid) == NHI_OK && nhi_proc_audit(g->self.pid, &own) == NHI_OK))
        nhi_session_audit_name(name, size, g->boot, own);
}

enum nhi_err nhi_session_register(const char *run_dir, const char *dir, const struct nhi_grant *g,
                                  enum nhi_session_of of, uint32_t uid)
{
    int dirfd = -1, fd = -1;
    struct nhi_grant had;
    bool begun = false, indexed = false;
    enum nhi_err err;
    char name[64];

    choose_handle(name, sizeof(name), g, of, uid);
    err = make_sessions(run_dir, &dirfd);
    if (err == NHI_OK)
        err = nhi_record_make(dirfd, g, false, &fd);
    if (err == NHI_OK) {
        err = nhi_session_index_add(dirfd, fd, g, name);
        indexed = err == NHI_OK;
    }
    /* The same grant once more, whose handle then exists as well. */
    if (indexed || err == NHI_ERR_EXISTS) {
        err = nhi_record_link(fd, dirfd, name);
        begun = err == NHI_OK;
    }
    if (begun)
        err = nhi_grant_opens(dir, g, name);
    if (begun && err != NHI_OK)
        (void)unlinkat(dirfd, name, 0);
    if (indexed && (!begun || err != NHI_OK))
        nhi_session_index_drop(dirfd, g, name);
    if (!begun && err == NHI_ERR_EXISTS && nhi_record_read(dirfd, name, &had) == NHI_OK &&
        strcmp(had.ticket.jti, g->ticket.jti) == 0)
        err = NHI_OK;
    /* In addition to the handle: where no cgroup is possible, the handle must be enough. */
    if (err == NHI_OK)
        (void)!nhi_cgroup_enter(name);
    if (fd >= 0)
        close(fd);
    if (dirfd >= 0)
        close(dirfd);
    return err;
}

bool nhi_session_remove(const char *run_dir, const char *handle)
{
    char path[256];
    bool removed;
    int dirfd;

    if (snprintf(path, sizeof(path), "%s/%s", run_dir, NHI_SESSIONS_DIR) >= (int)sizeof(path))
        return false;
    dirfd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dirfd < 0)
        return false;
    removed = unlinkat(dirfd, handle, 0) == 0;
    close(dirfd);
    return removed;
}
