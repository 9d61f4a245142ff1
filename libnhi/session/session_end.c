/* SPDX-License-Identifier: ISC */
/*
 * How sessions end: files, which the fold turns into events.
 *
 *   e-ID-HANDLE.REASON      the session that grant ID opened has ended; the file was its handle
 *   a handle of mode 0400   its program has closed it, and a process may still be inside
 *   w-ID                    a link to the reason why it is being ended: later ends do not replace that reason
 *
 * MUST: each step is one operation on a name, which needs no space, takes no lock and waits for nobody: the process
 * that closes a session may be stopped or killed anywhere, on a full disk. MUST: if several processes end a session at
 * once, only one of them gives it that name.
 */
#include "libnhi/session/session_end.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/record.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_index.h"

#define ENDED "e-"
#define CLOSED 0400

static enum nhi_err open_sessions(const char *run_dir, int *fd)
{
    char path[256];

    if (snprintf(path, sizeof(path), "%s/%s", run_dir, NHI_SESSIONS_DIR) >= (int)sizeof(path))
        return NHI_ERR_ARG;
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOENT ? NHI_ERR_NOT_FOUND : NHI_ERR_SYS;
    return NHI_OK;
}

/* g: the record, if it is known. */
static enum nhi_err write_end(int dirfd, const char *handle, const char *id, const char *reason,
                              const struct nhi_grant *g)
{
    char name[NAME_MAX + 1], why[NHI_JTI_LEN + 3], said[32];
    struct nhi_grant had;
    ssize_t n;

    snprintf(why, sizeof(why), NHI_SESSION_WHY "%s", id);
    n = readlinkat(dirfd, why, said, sizeof(said) - 1);
    if (n > 0) {
        said[n] = '\0';
        reason = said;
    }
    if (snprintf(name, sizeof(name), ENDED "%s-%s.%s", id, handle, reason) >= (int)sizeof(name))
        return NHI_ERR_TOO_LONG;
    if (renameat(dirfd, handle, dirfd, name) != 0)
        return errno == ENOENT ? NHI_ERR_NOT_FOUND : nhi_err_from_errno(errno);
    (void)unlinkat(dirfd, why, 0);
    if (g == NULL && nhi_record_read(dirfd, name, &had) == NHI_OK)
        g = &had;
    if (g != NULL)
        nhi_session_index_drop(dirfd, g, handle);
    return NHI_OK;
}

void nhi_session_say_why(const char *run_dir, const char *id, const char *reason)
{
    char why[NHI_JTI_LEN + 3];
    int dirfd;

    snprintf(why, sizeof(why), NHI_SESSION_WHY "%s", id);
    if (open_sessions(run_dir, &dirfd) != NHI_OK)
        return;
    /* The first process that ends it decides how. */
    (void)!symlinkat(reason, dirfd, why);
    close(dirfd);
}

enum nhi_err nhi_session_end(const char *run_dir, const char *handle, const char *id, const char *reason)
{
    enum nhi_err err;
    int dirfd;

    err = open_sessions(run_dir, &dirfd);
    if (err != NHI_OK)
        return err;
    err = write_end(dirfd, handle, id, reason, NULL);
    close(dirfd);
    return err;
}

/* Finds the handle of this grant, whichever kind it is; a handle of another grant is left alone. */
static void each_handle_of(const char *run_dir, const struct nhi_grant *g, const char *reason,
                           void (*fn)(int dirfd, const char *handle, const struct nhi_grant *, const char *reason))
{
    char name[2][NHI_TREE_MAX + 1] = { "", "" };
    struct nhi_grant had;
    uint32_t audit;
    int dirfd;

    nhi_session_handle(g, name[0]);
    if (nhi_proc_audit(g->self.pid, &audit) == NHI_OK)
        nhi_session_audit_handle(g, audit, name[1]);
    if (open_sessions(run_dir, &dirfd) != NHI_OK)
        return;
    for (int i = 0; i < 2; i++)
        if (name[i][0] != '\0' && nhi_record_read(dirfd, name[i], &had) == NHI_OK && strcmp(had.id, g->id) == 0)
            fn(dirfd, name[i], &had, reason);
    close(dirfd);
}

static void close_one(int dirfd, const char *handle, const struct nhi_grant *g, const char *reason)
{
    if (nhi_session_outlives(g, handle))
        (void)!fchmodat(dirfd, handle, CLOSED, 0);
    else
        (void)!write_end(dirfd, handle, g->id, reason, g);
}

void nhi_session_close(const char *run_dir, const struct nhi_grant *g)
{
    each_handle_of(run_dir, g, NHI_END_CLOSED, close_one);
}

static void leave_one(int dirfd, const char *handle, const struct nhi_grant *g, const char *reason)
{
    (void)!write_end(dirfd, handle, g->id, reason, g);
}

void nhi_session_leave(const char *run_dir, const struct nhi_grant *g)
{
    each_handle_of(run_dir, g, NHI_END_CLOSED, leave_one);
}

/* A handle that has no record, and can never have one, ends without a trace. */
bool nhi_session_bury(int dirfd, const char *handle, const char *boot)
{
    const char *reason = NHI_END_GONE;
    struct nhi_grant g;
    struct stat st;
    enum nhi_err err = nhi_record_read(dirfd, handle, &g);

    if (err == NHI_ERR_NOT_FOUND || err == NHI_ERR_NOMEM || err == NHI_ERR_SYS)
        return false;
    if (err != NHI_OK)
        return unlinkat(dirfd, handle, 0) == 0;
    if (strcmp(g.boot, boot) != 0)
        reason = NHI_END_REBOOT;
    else if (fstatat(dirfd, handle, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & 0777) == CLOSED)
        reason = NHI_END_CLOSED;
    return write_end(dirfd, handle, g.id, reason, &g) == NHI_OK;
}

bool nhi_session_is_registered(const char *run_dir, const char *handle)
{
    int dirfd;
    bool is;
    enum nhi_err err = open_sessions(run_dir, &dirfd);

    if (err != NHI_OK)
        return err != NHI_ERR_NOT_FOUND;
    is = faccessat(dirfd, handle, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
    close(dirfd);
    return is;
}

static bool parse(const char *name, struct nhi_session_end *e)
{
    const char *handle = name + strlen(ENDED) + NHI_JTI_LEN + 1, *dot;

    if (strncmp(name, ENDED, strlen(ENDED)) != 0 || strlen(name) <= strlen(ENDED) + NHI_JTI_LEN + 1)
        return false;
    dot = strchr(handle, '.');
    if (dot == NULL || (size_t)(dot - handle) >= sizeof(e->handle) || strlen(dot + 1) >= sizeof(e->reason))
        return false;
    snprintf(e->file, sizeof(e->file), "%s", name);
    memcpy(e->handle, handle, (size_t)(dot - handle));
    e->handle[dot - handle] = '\0';
    snprintf(e->reason, sizeof(e->reason), "%s", dot + 1);
    return true;
}

enum nhi_err nhi_session_each_end(const char *run_dir, enum nhi_err (*fn)(const struct nhi_session_end *, void *),
                                  void *ctx)
{
    struct nhi_session_end *e = malloc(sizeof(*e));
    enum nhi_err err = NHI_ERR_NOMEM;
    const struct dirent *d;
    DIR *dir = NULL;
    struct stat st;
    int dirfd = -1;

    if (e != NULL)
        err = open_sessions(run_dir, &dirfd);
    if (err == NHI_OK && (dir = fdopendir(dirfd)) == NULL) {
        close(dirfd);
        err = NHI_ERR_SYS;
    }
    while (err == NHI_OK && (d = readdir(dir)) != NULL) {
        if (!parse(d->d_name, e) || nhi_record_read(dirfd, e->file, &e->g) != NHI_OK ||
            fstatat(dirfd, e->file, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        e->at = st.st_ctim.tv_sec;
        err = fn(e, ctx);
    }
    if (dir != NULL)
        closedir(dir);
    free(e);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static bool is_quiet(const char *reason)
{
    return strcmp(reason, NHI_END_CLOSED) == 0 || strcmp(reason, NHI_END_GONE) == 0;
}

void nhi_session_ends_by_reboot(const char *run_dir, bool (*goes_down)(void))
{
    struct nhi_session_end e;
    char name[NAME_MAX + 1];
    const struct dirent *d;
    bool asked = false, does = true;
    int dirfd, n;
    DIR *dir;

    if (open_sessions(run_dir, &dirfd) != NHI_OK)
        return;
    dir = fdopendir(dirfd);
    if (dir == NULL) {
        close(dirfd);
        return;
    }
    while (does && (d = readdir(dir)) != NULL) {
        if (!parse(d->d_name, &e) || !is_quiet(e.reason))
            continue;
        does = asked || goes_down();
        asked = true;
        n = snprintf(name, sizeof(name), "%.*s." NHI_END_REBOOT, (int)(strlen(e.file) - strlen(e.reason) - 1), e.file);
        if (does && n < (int)sizeof(name))
            (void)renameat(dirfd, e.file, dirfd, name);
    }
    closedir(dir);
}
