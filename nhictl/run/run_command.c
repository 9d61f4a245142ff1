/* SPDX-License-Identifier: ISC */
/*
 * The command of nhictl run.
 *
 * MUST: nothing of root's is passed to the account: no descriptors, groups, environment or keyring; and nothing that
 * run_terminal.c and run_clean.c keep back.
 */
#include "nhictl/run/run_command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/session/session_find.h"
#include "libnhi/ticket/ticket_keyring.h"
#include "nhictl/end/bystander.h"
#include "nhictl/run/run_clean.h"
#include "nhictl/run/run_terminal.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"

#define GRACE_MS 5000 /* between SIGTERM and SIGKILL for processes that are left, and the longest wait after that */
#define STEP_MS 50

/* Of the caller's environment: how to show text to people, and no more. */
static const char *const kept[] = { "TERM",        "LANG",    "LANGUAGE", "LC_ALL", "LC_CTYPE",
                                    "LC_MESSAGES", "LC_TIME", "TZ",       NULL };

static bool set_askpass(bool askpass)
{
    return !askpass ||
           (setenv("SSH_ASKPASS", LIBEXECDIR "/nhi-askpass", 1) == 0 && setenv("SSH_ASKPASS_REQUIRE", "force", 1) == 0);
}

static bool set_environment(const struct passwd *pw)
{
    char *values[sizeof(kept) / sizeof(kept[0])] = { NULL };
    bool good = true;

    for (size_t i = 0; kept[i] != NULL; i++) {
        const char *value = getenv(kept[i]);

        if (value != NULL && (values[i] = strdup(value)) == NULL)
            return false;
    }
    if (clearenv() != 0)
        return false;
    for (size_t i = 0; kept[i] != NULL; i++) {
        good = good && (values[i] == NULL || setenv(kept[i], values[i], 1) == 0);
        free(values[i]);
    }
    return good && setenv("HOME", pw->pw_dir, 1) == 0 && setenv("SHELL", pw->pw_shell, 1) == 0 &&
           setenv("USER", pw->pw_name, 1) == 0 && setenv("LOGNAME", pw->pw_name, 1) == 0 &&
           setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1) == 0;
}

static bool become(const struct passwd *pw)
{
    return run_clean_start() && initgroups(pw->pw_name, pw->pw_gid) == 0 &&
           setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 && setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0 &&
           run_drop_capabilities();
}

/* A process that possesses a keyring can read its content, with any uid. If the kernel has no keyrings, or a container
 * denies them, the command has none either. */
static bool leave_keyring(void)
{
    return nhi_keyring_join() == NHI_OK || errno == ENOSYS || errno == EPERM;
}

/* What the child could not do, for the parent to report. */
struct failure {
    int error;
    bool at_exec;
};

/* In the child. Returns only after a failure. */
static struct failure execute(const struct ctl *c, const struct passwd *pw, const struct run_terminal *t, bool askpass,
                              pid_t parent)
{
    struct failure f = { .at_exec = false };

    /* If ssh is to ask the keyring, it is new already. */
    if (setsid() < 0 || !run_terminal_become(t) || close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0 ||
        !(askpass || leave_keyring()) || !become(pw) || !set_environment(pw) || !set_askpass(askpass))
        goto out;
    /* When the parent is killed, nothing else ends this process. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        goto out;
    if (getppid() != parent)
        raise(SIGKILL);
    if (chdir(pw->pw_dir) != 0 && chdir("/") != 0)
        goto out;
    umask(c->umask);
    f.at_exec = true;
    execvp(c->command[0], c->command);
out:
    f.error = errno;
    return f;
}

static int not_started(struct ctl *c, const struct failure *f)
{
    if (!f->at_exec)
        return ctl_fail(c, CTL_NOT_RUN, NULL, "could not become the agent: %s", strerror(f->error));
    return ctl_fail(c, f->error == ENOENT ? RUN_NOT_FOUND : RUN_NO_EXEC, NULL, "%s: %s", c->command[0],
                    strerror(f->error));
}

int run_start(struct ctl *c, const struct passwd *pw, const struct run_terminal *t, bool askpass, pid_t *child)
{
    struct failure f;
    pid_t parent = getpid(), pid;
    ssize_t n;
    int fds[2];

    /* Processes that the command leaves behind become children of this process, and stay inside the tree. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || pipe2(fds, O_CLOEXEC) != 0)
        return ctl_fail(c, CTL_NOT_RUN, NULL, "could not start the command: %s", strerror(errno));
    pid = fork();
    if (pid == 0) {
        f = execute(c, pw, t, askpass, parent);
        (void)!write(fds[1], &f, sizeof(f));
        _exit(CTL_NOT_RUN);
    }
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return ctl_fail(c, CTL_NOT_RUN, NULL, "could not start the command: %s", strerror(errno));
    }
    do
        n = read(fds[0], &f, sizeof(f));
    while (n < 0 && errno == EINTR);
    close(fds[0]);
    if (n == (ssize_t)sizeof(f)) {
        (void)waitpid(pid, NULL, 0);
        return not_started(c, &f);
    }
    *child = pid;
    return 0;
}

bool run_reap(pid_t child, int *code)
{
    bool ended = false;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == child) {
            *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            ended = true;
        }
    return ended;
}

/* The processes of this session. */
static enum nhi_err find_rest(struct members *m, const struct procs *p)
{
    struct nhi_grant g = { .at = 0 };
    struct nhi_proc self;
    struct bystanders bystanders;
    enum nhi_err err;
    uint32_t audit;
    pid_t parent;
    bool any;

    (void)!nhi_session_find(NHI_RUN_DIR, getpid(), &g);
    if (nhi_proc_audit(getpid(), &audit) != NHI_OK)
        audit = UINT32_MAX;
    err = nhi_proc_read(getpid(), &self, &parent);
    for (size_t i = 0; err == NHI_OK && i < p->count; i++)
        if (p->all[i].stat.parent == getpid())
            err = members_add(m, p, p->all[i].stat.self.pid);
    if (err == NHI_OK)
        err = members_find(m, p, MEMBERS_OF_TREE, 0, &self);
    bystanders_find(&bystanders);
    return err == NHI_OK ? bystanders_remove(&bystanders, m, g.ticket.jti, audit, &any) : err;
}

/* Only direct children: what they leave behind comes here when they end. Daemons of the host, and logins of people
 * through one, are left alone. Returns whether there is a child to wait for. */
static bool signal_children(int sig)
{
    struct procs p = { .count = 0 };
    struct members m = { .count = 0 };
    bool any = true;

    if (procs_scan(&p) == NHI_OK && find_rest(&m, &p) == NHI_OK) {
        any = false;
        for (size_t i = 0; i < p.count; i++)
            if (p.all[i].stat.parent == getpid() && members_has(&m, p.all[i].stat.self.pid)) {
                const struct members one = { .all = &p.all[i].stat.self, .count = 1 };

                members_signal(&one, sig);
                any = true;
            }
    }
    members_free(&m);
    procs_free(&p);
    return any;
}

bool run_end_rest(void)
{
    const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
    int code;

    for (int ms = 0; ms < 2 * GRACE_MS; ms += STEP_MS) {
        (void)run_reap(0, &code);
        if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
            return true;
        if (!signal_children(ms < GRACE_MS ? SIGTERM : SIGKILL))
            return true;
        (void)nanosleep(&step, NULL);
    }
    return false;
}
