/* SPDX-License-Identifier: ISC */
/*
 * The marks are read here, each independently of the others; standing.c decides what follows from them.
 *
 * MUST: raise the limit on open files for that and put it back, and allocate nothing until a name is looked up: the
 * callers of su and sudo choose their limits.
 */
#include "pam_nhi/caller.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/session/cgroup.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_find.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "pam_nhi/decider.h"
#include "pam_nhi/groups.h"

#define DATA_OURS "pam_nhi:ours"
#define FILES_ENOUGH 256 /* descriptors, enough for any source of accounts */
#define ENTRY_ROOM 16384 /* bytes for a line of passwd(5), at first */
#define ENTRY_MAX (16 * 1024 * 1024)

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* ---- what could not be read ---- */

static void note(struct pnhi_caller *c, enum nhi_presence presence, const char *what, int cause)
{
    bool limit = presence == NHI_UNREADABLE_LIMIT;

    if (presence == NHI_PRESENT || presence == NHI_ABSENT || (c->blind != NULL && c->limit >= limit))
        return;
    c->blind = what;
    c->cause = cause;
    c->limit = limit;
}

const char *pnhi_caller_cause(const struct pnhi_caller *c)
{
    if (!c->limit && c->cause == EAGAIN)
        return "a source of accounts cannot answer now (EAGAIN)";
    switch (c->limit ? c->cause : 0) {
    case EMFILE:
        return "too many open files (ulimit -n)";
    case ENFILE:
        return "too many open files on this host (fs.file-max)";
    case ENOMEM:
        return "out of memory (ulimit -v, or the memory of its cgroup)";
    case EFBIG:
        return "a file is too big (ulimit -f)";
    case EAGAIN:
        return "too many processes (ulimit -u)";
    case 0:
        return c->limit ? "too deep in the tree of processes or cgroups"
                        : "missing, damaged, or writable by users other than root";
    default:
        return strerror(c->cause);
    }
}

/* ---- the marks ---- */

/* Once for all uids of a call. */
static void ask_published(struct pnhi_caller *c)
{
    struct nhi_snapshot s;

    c->published.asked = true;
    c->published.err = nhi_snapshot_open_published(&s);
    c->published.cause = errno;
    if (c->published.err != NHI_OK)
        return;
    c->published.uid_min = s.uid_min;
    c->published.uid_max = s.uid_max;
    nhi_snapshot_close(&s);
}

/* The range of the module's options, and the one that nhictl published: a host that was given another range must not
 * treat its agents as people because one of the two was forgotten. When the file cannot be read, the options still
 * count. */
static enum nhi_presence in_range(uint32_t uid, const struct pnhi_options *o, struct pnhi_caller *c)
{
    enum nhi_presence presence = NHI_ABSENT;

    if (uid >= o->uid_min && uid <= o->uid_max)
        return NHI_PRESENT;
    if (!c->published.asked)
        ask_published(c);
    if (c->published.err == NHI_OK)
        presence = uid > c->published.uid_min && uid <= c->published.uid_max ? NHI_PRESENT : NHI_ABSENT;
    else if (nhi_presence_of(c->published.err, c->published.cause) == NHI_UNREADABLE_LIMIT)
        presence = NHI_UNREADABLE_LIMIT;
    note(c, presence, "cannot read the range of agents", c->published.cause);
    return presence;
}

static enum nhi_presence look_at_loginuid(struct pnhi_caller *c, const struct pnhi_options *o)
{
    uint32_t uid = 0;
    enum nhi_err err = nhi_proc_loginuid(getpid(), &uid);
    enum nhi_presence presence = nhi_presence_of(err, errno);

    note(c, presence, "cannot read the login uid", errno);
    return presence == NHI_PRESENT ? in_range(uid, o, c) : presence;
}

static enum nhi_presence look_at_cgroup(struct pnhi_caller *c)
{
    char handle[NHI_TREE_MAX + 1];
    enum nhi_err err = nhi_cgroup_of(getpid(), handle, sizeof(handle));
    enum nhi_presence presence = nhi_presence_of(err, errno);

    note(c, presence, "cannot read the cgroup", errno);
    return presence;
}

static enum nhi_presence look_at_session(struct pnhi_caller *c)
{
    enum nhi_err err = nhi_session_find(NHI_RUN_DIR, getpid(), &c->session);
    enum nhi_presence presence = nhi_presence_of(err, errno);

    c->in_session = presence == NHI_PRESENT;
    note(c, presence, "cannot tell whether the caller is inside a session",
         err == NHI_ERR_NOMEM ? ENOMEM
         : err == NHI_ERR_SYS ? errno
                              : 0);
    return presence;
}

/* ---- accounts ---- */

struct account {
    bool found, missing;
    enum nhi_presence range, only;
    uint32_t uid;
    char name[NHI_ACCOUNT_MAX + 1]; /* empty if it is longer */
    bool is_user;                   /* its name is the one to compare with */
    bool observed;
};

static void take(const struct passwd *pw, const char *compare, const struct pnhi_options *o, struct pnhi_caller *c,
                 struct account *a)
{
    struct pnhi_groups groups;
    int cause = 0;

    a->found = true;
    a->uid = pw->pw_uid;
    if (strlen(pw->pw_name) < sizeof(a->name))
        memcpy(a->name, pw->pw_name, strlen(pw->pw_name) + 1);
    a->is_user = same(compare, pw->pw_name);
    a->range = in_range(a->uid, o, c);
    pnhi_groups_read(pw->pw_name, pw->pw_uid, pw->pw_gid, &groups, &cause);
    note(c, groups.only, "cannot read /etc/group", cause);
    a->only = groups.only;
    a->observed = groups.observed && a->name[0] != '\0';
}

/* Whether a resource that a look-up needs is short, and could not be raised (limits.h). The number of processes does
 * not count: a look-up starts none. */
static bool is_short(void)
{
    struct rlimit as, data, files;

    if (getrlimit(RLIMIT_AS, &as) != 0 || getrlimit(RLIMIT_DATA, &data) != 0 || getrlimit(RLIMIT_NOFILE, &files) != 0)
        return true;
    return as.rlim_cur != RLIM_INFINITY || data.rlim_cur != RLIM_INFINITY || files.rlim_cur < FILES_ENOUGH;
}

/* A directory that cannot answer now reports EAGAIN, which is not a limit. */
static enum nhi_presence unanswered(int rc)
{
    return rc == EAGAIN && !is_short() ? NHI_UNREADABLE : nhi_presence_of(NHI_ERR_SYS, rc);
}

static void not_found(const char *name, int rc, struct pnhi_caller *c, struct account *a)
{
    /* An agent whose account cannot be resolved is still an agent. */
    if (name != NULL && nhi_snapshot_uid_of(name, &a->uid) == NHI_OK) {
        a->range = NHI_PRESENT;
        a->missing = true;
    } else if (rc == 0 || rc == ENOENT || rc == ESRCH) {
        a->missing = true;
    } else {
        a->range = a->only = unanswered(rc);
        note(c, a->only, "cannot look up the account", rc);
    }
}

/* name NULL: looks up the real uid. compare: a name that may be another name of the account. */
static void look_up(const char *name, const char *compare, const struct pnhi_options *o, struct pnhi_caller *c,
                    struct account *a)
{
    struct passwd pw, *found = NULL;
    size_t size = ENTRY_ROOM;
    char *buf = NULL, *more;
    int rc = ERANGE;

    memset(a, 0, sizeof(*a));
    for (; rc == ERANGE && size <= ENTRY_MAX; size *= 4) {
        more = realloc(buf, size);
        rc = ENOMEM;
        if (more == NULL)
            break;
        buf = more;
        rc = name != NULL ? getpwnam_r(name, &pw, buf, size, &found) : getpwuid_r(getuid(), &pw, buf, size, &found);
    }
    if (rc == 0 && found != NULL)
        take(&pw, compare, o, c, a);
    else
        not_found(name, rc, c, a);
    free(buf);
}

static void become(struct pnhi_caller *c, const struct account *a)
{
    memcpy(c->subject, a->name, sizeof(c->subject));
    c->uid = a->uid;
    c->resolved = a->found;
    c->missing = a->missing;
    c->in_range = a->range == NHI_PRESENT;
}

static enum nhi_presence either(enum nhi_presence a, enum nhi_presence b)
{
    if (a == NHI_PRESENT || b == NHI_PRESENT)
        return NHI_PRESENT;
    return a > b ? a : b;
}

static void observe(struct pnhi_caller *c, const struct account *a)
{
    if (a->observed && c->observed[0] == '\0')
        memcpy(c->observed, a->name, sizeof(c->observed));
}

/* ---- by kind of program ---- */

static void see_login(struct pnhi_caller *c, const struct pnhi_options *o)
{
    struct account a;

    look_up(c->user, NULL, o, c, &a);
    become(c, &a);
    observe(c, &a);
    c->marks.uid = a.range;
    c->marks.only = a.only;
}

static void see_su(struct pnhi_caller *c, const struct pnhi_options *o)
{
    struct account a, who;

    look_up(c->user, NULL, o, c, &a);
    become(c, &a);
    c->marks.target = a.range;
    c->marks.only = a.only;
    if (c->marks.root)
        return;
    observe(c, &a);
    look_up(NULL, NULL, o, c, &who);
    c->marks.only = either(a.only, who.only);
    observe(c, &who);
}

/* sudo names its caller, and the kernel knows it: if they differ, neither is believed. */
static void see_sudo(pam_handle_t *pamh, struct pnhi_caller *c, const struct pnhi_options *o)
{
    const void *ruser = NULL;
    struct account a, target;

    if (pam_get_item(pamh, PAM_RUSER, &ruser) != PAM_SUCCESS)
        ruser = NULL;
    look_up(NULL, ruser, o, c, &a);
    become(c, &a);
    c->uid = getuid();
    c->in_range = c->marks.uid == NHI_PRESENT;
    if (c->resolved && !a.is_user) {
        c->resolved = false;
        c->missing = true;
    }
    c->marks.only = a.only;
    if (!c->marks.root) {
        observe(c, &a);
        return;
    }
    /* In session, this is the account that root becomes. */
    look_up(c->user, NULL, o, c, &target);
    c->marks.target = target.range;
    c->marks.only = target.only;
}

static void see_caller(pam_handle_t *pamh, struct pnhi_caller *c, const struct pnhi_options *o)
{
    c->marks.root = getuid() == 0 && geteuid() == 0;
    c->marks.uid = in_range(getuid(), o, c);
    c->marks.loginuid = look_at_loginuid(c, o);
    c->marks.cgroup = look_at_cgroup(c);
    c->marks.session = look_at_session(c);
    if (c->program == PNHI_SUDO)
        see_sudo(pamh, c, o);
    else
        see_su(c, o);
}

/* ---- the result ---- */

static void stand(struct pnhi_caller *c)
{
    c->standing = pnhi_standing(&c->marks);
    /* A caller who was ours in an earlier phase does not become a person because something cannot be read in a later
     * one. */
    if (c->standing == PNHI_NOT_OURS && c->was_ours && c->blind != NULL)
        c->standing = PNHI_HIDDEN;
    c->ours = c->standing != PNHI_NOT_OURS && c->standing != PNHI_GOES_ON;
    /* Once a caller is ours, everything that a decision could need must be readable. */
    if (c->standing == PNHI_HIDDEN || (c->standing == PNHI_OURS && c->blind != NULL))
        c->denied = NHI_DENY_INTERNAL;
    else if (c->standing == PNHI_LEFT)
        c->denied = c->in_session ? c->over : NHI_DENY_NO_TICKET;
    else
        c->denied = NHI_PERMIT;
}

void pnhi_caller_see_grant(struct pnhi_caller *c, enum nhi_presence grant)
{
    c->marks.grant = grant;
    note(c, grant, "cannot read the grant of this login", 0);
    stand(c);
}

void pnhi_caller_see_key(struct pnhi_caller *c, enum nhi_presence key)
{
    c->marks.key = key;
    note(c, key, "cannot tell whether the key was ever an agent's", 0);
    stand(c);
}

bool pnhi_caller_was_ours(pam_handle_t *pamh)
{
    const void *data = NULL;

    return pam_get_data(pamh, DATA_OURS, &data) == PAM_SUCCESS;
}

static void remember(pam_handle_t *pamh)
{
    static const char word[] = "ours";
    union {
        const char *in;
        void *out;
    } w = { word };

    (void)pam_set_data(pamh, DATA_OURS, w.out, NULL);
}

static enum pnhi_program program_of(const char *service)
{
    /* doas, too, begins with its caller as PAM_USER and ends with the account that the caller becomes. */
    if (same(service, "sudo") || same(service, "sudo-i") || same(service, "doas"))
        return PNHI_SUDO;
    /* atd belongs to root, and calls PAM as its own daemon. */
    if (same(service, "su") || same(service, "su-l") || same(service, "runuser") || same(service, "runuser-l") ||
        (getuid() != 0 && !same(service, "atd")))
        return PNHI_SU;
    return PNHI_LOGIN;
}

/* Without the decider, whether the session has ended is not known, and root in it is what an ended one left. */
static enum nhi_reason look_within(const struct nhi_grant *session)
{
    char why[PNHI_WHY_MAX];
    const struct pnhi_decider *d = pnhi_decider_load(why);

    return d != NULL ? d->within(session) : NHI_DENY_INTERNAL;
}

int pnhi_caller_find(pam_handle_t *pamh, const struct pnhi_options *options, struct pnhi_caller *out)
{
    const void *service = NULL, *rhost = NULL, *tty = NULL;
    const char *user = NULL;
    int rc;

    memset(out, 0, sizeof(*out));
    if (pam_get_item(pamh, PAM_SERVICE, &service) != PAM_SUCCESS || service == NULL)
        return PAM_SERVICE_ERR;
    /* login and similar programs leave it to the modules to ask for the name. */
    rc = pam_get_user(pamh, &user, NULL);
    if (rc != PAM_SUCCESS || user == NULL)
        return rc != PAM_SUCCESS ? rc : PAM_SERVICE_ERR;
    (void)pam_get_item(pamh, PAM_RHOST, &rhost);
    (void)pam_get_item(pamh, PAM_TTY, &tty);
    out->debug = options->debug;
    out->service = service;
    out->user = user;
    out->rhost = rhost;
    out->tty = tty;
    out->program = out->marks.program = program_of(service);
    if (out->program == PNHI_LOGIN) {
        see_login(out, options);
    } else {
        pnhi_limits_raise(&out->limits);
        see_caller(pamh, out, options);
    }
    if (out->marks.root && out->in_session)
        out->over = look_within(&out->session);
    out->marks.over = out->over != NHI_PERMIT;
    out->was_ours = pnhi_caller_was_ours(pamh);
    stand(out);
    if (out->standing == PNHI_OURS)
        remember(pamh);
    return PAM_SUCCESS;
}
