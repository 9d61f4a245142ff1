/*
 * MUST: everything that cannot be found out makes the caller ours, where it could be ours. A caller
 * of su and sudo chooses its resource limits, and so which of these lookups fail.
 */
#include "pam_nhi/caller.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/paths.h"
#include "libnhi/session.h"
#include "libnhi/snapshot.h"

#define TICKET_ONLY_GROUP "nhi-only:"
#define OBSERVED_GROUP "nhi-observe:"
#define GROUP_FILE "/etc/group"

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* The local file and not NSS: this must not depend on a network. One line is
 * nhi-only:x:GID:member,member. */
static bool line_has(char *line, const struct passwd *pw)
{
    char *save = NULL, *field, *member;
    unsigned long gid;
    int i;

    line[strcspn(line, "\n")] = '\0';
    field = line;
    for (i = 0; i < 2; i++) {
        field = strchr(field, ':');
        if (field == NULL)
            return false;
        field++;
    }
    gid = strtoul(field, &field, 10);
    if (gid == pw->pw_gid && *field == ':')
        return true;
    if (*field != ':')
        return false;
    for (member = strtok_r(field + 1, ",", &save); member != NULL;
         member = strtok_r(NULL, ",", &save))
        if (strcmp(member, pw->pw_name) == 0)
            return true;
    return false;
}

static bool is_line_of(const char *line, const char *group)
{
    return strncmp(line, group, strlen(group)) == 0;
}

/* Whether it takes tickets only, and whether it is watched on its way there. */
static void read_groups(const struct passwd *pw, struct pnhi_caller *c)
{
    bool only = false;
    char *line = NULL;
    size_t size = 0;
    FILE *f;

    f = fopen(GROUP_FILE, "re");
    if (f == NULL) {
        c->broken = errno != ENOENT;
        c->ours = c->ours || c->broken;
        return;
    }
    while (!only && getline(&line, &size, f) >= 0) {
        if (is_line_of(line, TICKET_ONLY_GROUP))
            only = line_has(line, pw);
        else if (is_line_of(line, OBSERVED_GROUP) && line_has(line, pw))
            memcpy(c->observed, pw->pw_name, strlen(pw->pw_name) + 1);
    }
    /* Neither found nor at the end: reading failed, or memory ran out. */
    if (!only && !feof(f))
        only = c->broken = true;
    c->ours = c->ours || only;
    free(line);
    (void)fclose(f);
}

/* The range of the module's options, and the one that nhictl published: a host that was given
 * another range must not treat its agents as people because one of the two was forgotten. */
static bool in_range(uint32_t uid, const struct pnhi_options *o)
{
    return (uid >= o->uid_min && uid <= o->uid_max) ||
           nhi_snapshot_range_has(NHI_SNAPSHOT_PATH, uid);
}

/* name NULL: by uid. */
static bool look_up(const char *name, uid_t uid, struct pnhi_caller *c,
                    const struct pnhi_options *o)
{
    struct passwd pw, *found = NULL;
    size_t size = 16384;
    char *buf;
    int rc;

    buf = malloc(size);
    if (buf == NULL) {
        c->ours = c->broken = true;
        return false;
    }
    rc = name != NULL ? getpwnam_r(name, &pw, buf, size, &found)
                      : getpwuid_r(uid, &pw, buf, size, &found);
    if (found != NULL && strlen(pw.pw_name) < sizeof c->subject) {
        memcpy(c->subject, pw.pw_name, strlen(pw.pw_name) + 1);
        c->uid = pw.pw_uid;
        c->resolved = true;
        c->in_range = in_range(c->uid, o);
        c->ours = c->in_range;
        read_groups(&pw, c);
    } else if (rc == EMFILE || rc == ENFILE || rc == ENOMEM) {
        c->ours = c->broken = true;
    }
    free(buf);
    return c->resolved;
}

static void find_subject(pam_handle_t *pamh, struct pnhi_caller *c, const struct pnhi_options *o)
{
    struct pnhi_caller who = { .program = PNHI_SU };
    const void *ruser = NULL;
    uid_t real = getuid();

    if (c->program != PNHI_SUDO) {
        /* An agent outside of any session is still an agent to su, whoever it wants to be. */
        if (c->program == PNHI_SU && real != 0)
            (void)look_up(NULL, real, &who, o);
        (void)look_up(c->user, 0, c, o);
        c->ours = c->ours || who.ours;
        c->broken = c->broken || who.broken;
        if (c->observed[0] == '\0')
            memcpy(c->observed, who.observed, sizeof c->observed);
        return;
    }
    c->uid = real;
    c->in_range = in_range(real, o);
    c->ours = c->in_range;
    if (!look_up(NULL, real, c, o))
        return;
    /* sudo says who calls, the kernel knows: where they differ, nobody is believed. */
    if (pam_get_item(pamh, PAM_RUSER, &ruser) != PAM_SUCCESS || !same(ruser, c->subject))
        c->resolved = false;
}

int pnhi_caller_find(pam_handle_t *pamh, const struct pnhi_options *options,
                     struct pnhi_caller *out)
{
    const void *service = NULL, *rhost = NULL, *tty = NULL;
    const char *user = NULL;
    enum nhi_err err;
    int rc;

    memset(out, 0, sizeof *out);
    if (pam_get_item(pamh, PAM_SERVICE, &service) != PAM_SUCCESS || service == NULL)
        return PAM_SERVICE_ERR;
    /* login and its like leave it to the modules to ask. */
    rc = pam_get_user(pamh, &user, NULL);
    if (rc != PAM_SUCCESS || user == NULL)
        return rc != PAM_SUCCESS ? rc : PAM_SERVICE_ERR;
    (void)pam_get_item(pamh, PAM_RHOST, &rhost);
    (void)pam_get_item(pamh, PAM_TTY, &tty);
    out->service = service;
    out->user = user;
    out->rhost = rhost;
    out->tty = tty;
    if (same(service, "sudo") || same(service, "sudo-i"))
        out->program = PNHI_SUDO;
    /* atd is root's, and calls as its own daemon. */
    else if (same(service, "su") || same(service, "su-l") ||
             (getuid() != 0 && !same(service, "atd")))
        out->program = PNHI_SU;
    find_subject(pamh, out, options);
    /* A daemon of root's that an agent restarted is inside the agent's session, but those who log
     * in through it are not: there the caller is the remote side, or the schedule. */
    if (out->program == PNHI_LOGIN)
        return PAM_SUCCESS;
    err = nhi_session_find(NHI_RUN_DIR, getpid(), &out->session);
    if (err != NHI_ERR_NOT_FOUND) {
        out->in_session = true;
        out->ours = true;
        out->broken = out->broken || err != NHI_OK;
    }
    return PAM_SUCCESS;
}
