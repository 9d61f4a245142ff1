/* SPDX-License-Identifier: ISC */
/*
 * MUST: only a session of logind that the login leads belongs to the login: su and sudo in a person's terminal are in
 * the person's. MUST: wait for nobody: logind may hang, and what it does not do is done by signals. MUST: anything that
 * does not look as expected is not a session of logind.
 */
#include "nhictl/process/logind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/session/session_find.h"

#define SESSIONS_DIR "/run/systemd/sessions" /* the directory that sd-login(3) reads */
#define USERS_DIR "/run/systemd/users"       /* a file for each user of logind, named by uid */
#define PATIENCE 5                           /* limit of a call in seconds, when nothing waits for it */
#define ASKED_MS 1000                        /* limit of an answer that is waited for */

/* ---- looking ---- */

/* The cgroup of version 2; in a hybrid hierarchy systemd keeps processes in a hierarchy of its own, and that of version
 * 2 has them only at its top. */
bool logind_cgroup(pid_t pid, char *path, size_t size)
{
    static const char own[] = ":name=systemd:";
    char name[32], *line = NULL;
    size_t room = 0;
    bool found = false;
    FILE *f;

    snprintf(name, sizeof(name), "/proc/%ld/cgroup", (long)pid);
    f = fopen(name, "re");
    while (f != NULL && getline(&line, &room, f) >= 0) {
        const char *at = line + strcspn(line, ":");
        bool is_own = strncmp(at, own, strlen(own)) == 0, is_2 = strncmp(line, "0::", 3) == 0;

        line[strcspn(line, "\n")] = '\0';
        at += is_own ? strlen(own) : 2;
        if ((is_own || (is_2 && (!found || strcmp(at, "/") != 0))) && at[0] == '/' && strlen(at) < size) {
            memcpy(path, at, strlen(at) + 1);
            found = true;
        }
    }
    if (f != NULL)
        fclose(f);
    free(line);
    return found;
}

/* Compared from its beginning: a user can make any name in the part of the user's own manager. */
static bool parse_scope(const char *path, struct logind_session *out)
{
    struct logind_session l = { .uid = 0 };
    int end = 0;

    if (sscanf(path, "/user.slice/user-%u.slice/session-%31[a-zA-Z0-9].scope%n", &l.uid, l.id, &end) != 2 || end == 0 ||
        (path[end] != '\0' && path[end] != '/'))
        return false;
    *out = l;
    return true;
}

/* A file below the cgroup of that user. NULL: it does not exist. */
static FILE *open_below(uint32_t uid, const char *below)
{
    static const char *const tops[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
    char path[192];
    FILE *f = NULL;

    for (size_t i = 0; f == NULL && i < sizeof(tops) / sizeof(tops[0]); i++) {
        snprintf(path, sizeof(path), "%s/user.slice/user-%u.slice/%s", tops[i], uid, below);
        f = fopen(path, "re");
    }
    return f;
}

static bool is_login(const char *class)
{
    /* Not manager, greeter, lock-screen, or a future class. */
    return strncmp(class, "user", 4) == 0 || strncmp(class, "background", 10) == 0;
}

/* Whether that process leads it, and it is a login. */
static bool leads(const struct nhi_proc *leader, const struct logind_session *l)
{
    char path[80], line[256], class[32] = "", scope[64] = "", want[64];
    long pid = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", SESSIONS_DIR, l->id);
    snprintf(want, sizeof(want), "session-%s.scope", l->id);
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        (void)!sscanf(line, "LEADER=%ld", &pid);
        (void)!sscanf(line, "CLASS=%31s", class);
        (void)!sscanf(line, "SCOPE=%63s", scope);
    }
    if (f != NULL)
        fclose(f);
    return pid == leader->pid && is_login(class) && strcmp(scope, want) == 0;
}

bool logind_knows(uint32_t audit, uint32_t *uid)
{
    DIR *d = opendir(SESSIONS_DIR);
    const struct dirent *e;
    bool found = false;

    while (d != NULL && !found && (e = readdir(d)) != NULL) {
        int fd = strchr(e->d_name, '.') == NULL ? openat(dirfd(d), e->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
        FILE *f = fd >= 0 ? fdopen(fd, "re") : NULL;
        unsigned of = 0, whose = UINT32_MAX;
        char line[256];

        while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
            (void)!sscanf(line, "AUDIT=%u", &of);
            (void)!sscanf(line, "UID=%u", &whose);
        }
        found = of == audit && whose != UINT32_MAX;
        if (found)
            *uid = whose;
        if (f != NULL)
            fclose(f);
        else if (fd >= 0)
            close(fd);
    }
    if (d != NULL)
        closedir(d);
    return found;
}

static bool find_by(pid_t pid, const struct nhi_proc *leader, struct logind_session *out)
{
    char path[512];

    return logind_cgroup(pid, path, sizeof(path)) && parse_scope(path, out) && leads(leader, out);
}

bool logind_find(const struct nhi_grant *g, const struct members *m, struct logind_session *out)
{
    struct logind_session l;
    struct nhi_proc now;
    pid_t parent;
    enum nhi_err err = nhi_proc_read(g->self.pid, &now, &parent);

    if (err == NHI_OK && now.start == g->self.start) {
        if (!find_by(g->self.pid, &g->self, &l))
            return false;
        *out = l;
        return true;
    }
    /* Another process has its pid, and may lead a session. */
    if (err != NHI_ERR_NOT_FOUND)
        return false;
    for (size_t i = 0; i < m->count; i++)
        if (find_by(m->all[i].pid, &g->self, &l)) {
            *out = l;
            return true;
        }
    return false;
}

/* Another login, or the program that called us from inside. */
static bool is_guest(pid_t pid, const char *jti)
{
    struct nhi_grant g;
    uint32_t audit;

    if (pid == getpid())
        return true;
    return nhi_proc_audit(pid, &audit) == NHI_OK &&
           (nhi_session_find(NHI_RUN_DIR, pid, &g) != NHI_OK || strcmp(g.ticket.jti, jti) != 0);
}

enum nhi_err logind_add(struct logind_session *l, const char *jti, struct members *m, const struct procs *p)
{
    enum nhi_err err = NHI_OK;
    char below[96];
    long pid;
    FILE *f;

    l->shared = false;
    snprintf(below, sizeof(below), "session-%s.scope/cgroup.procs", l->id);
    f = open_below(l->uid, below);
    while (f != NULL && err == NHI_OK && fscanf(f, "%ld", &pid) == 1) {
        if (pid <= 0 || is_guest((pid_t)pid, jti))
            l->shared = true;
        else
            err = members_add(m, p, (pid_t)pid);
    }
    if (f != NULL)
        fclose(f);
    return err;
}

bool logind_is_managed(pid_t pid, uint32_t uid)
{
    char path[512], manager[96];

    snprintf(manager, sizeof(manager), "/user.slice/user-%u.slice/user@%u.service/", uid, uid);
    return logind_cgroup(pid, path, sizeof(path)) && strncmp(path, manager, strlen(manager)) == 0;
}

/* ---- asking ---- */

static void become(char *const argv[], int out)
{
    char *const none[] = { NULL };
    sigset_t empty;
    int null = open("/dev/null", O_RDWR);

    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    for (int fd = 0; fd <= 2 && null >= 0; fd++)
        (void)dup2(fd == 1 && out >= 0 ? out : null, fd);
    /* The alarm stays set after exec: a call that hangs does not hang for ever. */
    alarm(PATIENCE);
    execve(argv[0], argv, none);
    _exit(127);
}

/* The process has no parent that waits for it. out: for its output, or -1. */
static void call_for(char *const argv[], int out)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (fork() == 0)
            become(argv, out);
        _exit(0);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static void call(char *const argv[])
{
    call_for(argv, -1);
}

/* The first line of output within that time; later output is lost. */
static bool ask(char *const argv[], char *said, size_t size)
{
    struct pollfd from = { .events = POLLIN };
    int ends[2];
    ssize_t n = 0;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    call_for(argv, ends[1]);
    close(ends[1]);
    from.fd = ends[0];
    if (poll(&from, 1, ASKED_MS) == 1)
        n = read(ends[0], said, size - 1);
    close(ends[0]);
    said[n > 0 ? n : 0] = '\0';
    said[strcspn(said, "\n")] = '\0';
    return n > 0;
}

bool systemd_is_stopping(void)
{
    char program[] = "/usr/bin/systemctl", verb[] = "is-system-running", said[32];
    char *const argv[] = { program, verb, NULL };

    return access("/run/systemd/system", F_OK) == 0 && ask(argv, said, sizeof(said)) && strcmp(said, "stopping") == 0;
}

void logind_terminate(const struct logind_session *l)
{
    char program[] = "/usr/bin/loginctl", verb[] = "terminate-session", id[sizeof(l->id)];
    char *const argv[] = { program, verb, id, NULL };

    if (l->id[0] == '\0' || l->shared)
        return;
    memcpy(id, l->id, sizeof(id));
    call(argv);
}

void logind_stop_user(uint32_t uid)
{
    char program[] = "/usr/bin/systemctl", block[] = "--no-block", verb[] = "stop", unit[32], below[48];
    char *const argv[] = { program, block, verb, unit, NULL };
    FILE *f;

    snprintf(unit, sizeof(unit), "user@%u.service", uid);
    snprintf(below, sizeof(below), "%s/cgroup.procs", unit);
    f = open_below(uid, below);
    if (f == NULL)
        return;
    fclose(f);
    call(argv);
}

/* ---- lingering ---- */

/* Whether a user of logind has that name. */
static bool is_user(int dir, const char *file, const char *name)
{
    int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    FILE *f = fd >= 0 ? fdopen(fd, "re") : NULL;
    char *line = NULL;
    size_t size = 0;
    bool is = false;

    if (f == NULL && fd >= 0)
        close(fd);
    while (f != NULL && !is && getline(&line, &size, f) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        is = strncmp(line, "NAME=", strlen("NAME=")) == 0 && strcmp(line + strlen("NAME="), name) == 0;
    }
    if (f != NULL)
        fclose(f);
    free(line);
    return is;
}

/* Whether another account has that name: in the local file, which programs read first, or because logind has a user
 * with it from another source. */
static bool is_anothers(const char *name, uint32_t uid)
{
    FILE *f = fopen("/etc/passwd", "re");
    DIR *d = opendir(USERS_DIR);
    const struct passwd *pw;
    const struct dirent *e;
    bool is = false;
    char own[16];

    snprintf(own, sizeof(own), "%u", uid);
    while (f != NULL && !is && (pw = fgetpwent(f)) != NULL)
        is = strcmp(pw->pw_name, name) == 0 && pw->pw_uid != uid;
    while (d != NULL && !is && (e = readdir(d)) != NULL)
        is = e->d_name[0] != '.' && strcmp(e->d_name, own) != 0 && is_user(dirfd(d), e->d_name, name);
    if (f != NULL)
        fclose(f);
    if (d != NULL)
        closedir(d);
    return is;
}

int64_t logind_lingers(const char *name, uint32_t uid)
{
    char path[320];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", LOGIND_LINGER_DIR, name);
    if (lstat(path, &st) != 0 || is_anothers(name, uid))
        return 0;
    return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

bool logind_end_linger(const char *name, uint32_t uid)
{
    int fd =
        logind_lingers(name, uid) != 0 ? open(LOGIND_LINGER_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    bool did;

    if (fd < 0)
        return false;
    did = unlinkat(fd, name, 0) == 0;
    close(fd);
    return did;
}
