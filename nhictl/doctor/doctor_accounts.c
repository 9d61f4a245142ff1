/* SPDX-License-Identifier: ISC */
/*
 * Accounts of this host that conflict with agents, and faults of agents' own accounts.
 */
#include <ctype.h>
#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/elsewhere.h"
#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/agent/namesake.h"
#include "nhictl/doctor/doctor.h"
#include "nhictl/end/account_lookup.h"
#include "nhictl/leftover/leftover_show.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/out.h"
#include "nhictl/say/progress.h"

#define PASSWD "/etc/passwd"
#define GROUP "/etc/group"
#define LOGIN_DEFS "/etc/login.defs"
#define LINGER_DIR "/var/lib/systemd/linger"

static bool in_range(const struct doctor *d, uint32_t id)
{
    return id >= d->s.set.uid_min && id <= d->s.set.uid_max;
}

/* ---- collisions ---- */

static bool is_agent(const struct doctor *d, const char *name)
{
    struct nhi_agent a;

    return nhi_name_is_agent(name) && nhi_agent_get(d->s.l, name, &a) == NHI_OK;
}

/* The line that begins with that name. */
static struct location line_of(struct file_text *f, const char *path, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < f->count; i++)
        if (strncmp(f->line[i].text, name, len) == 0 && f->line[i].text[len] == ':')
            return (struct location){ path, f->line[i].number, NULL }; /* it may have a password's hash */
    return location_of_file(path);
}

static void look_at_users(struct doctor *d, struct file_text *lines)
{
    FILE *f = fopen(PASSWD, "re");
    const struct passwd *pw;

    while (f != NULL && (pw = fgetpwent(f)) != NULL) {
        struct location at = line_of(lines, PASSWD, pw->pw_name);

        if (in_range(d, pw->pw_uid))
            finding_add(&d->found, FINDING_ERROR, "uid-taken", at,
                        out_say("account %s has uid %u, in the agents' range: it takes tickets only, and an agent may "
                                "be given that uid",
                                pw->pw_name, pw->pw_uid),
                        out_say("run: usermod -u N %s, with N outside %u to %u", pw->pw_name, d->s.set.uid_min,
                                d->s.set.uid_max));
        else if (is_agent(d, pw->pw_name))
            finding_add(&d->found, FINDING_ERROR, "name-taken", at,
                        out_say("an account of this host has the name of agent %s: programs find that account instead",
                                pw->pw_name),
                        out_say("run: usermod -l OTHER %s", pw->pw_name));
    }
    if (f != NULL)
        fclose(f);
}

static void look_at_groups(struct doctor *d, struct file_text *lines)
{
    FILE *f = fopen(GROUP, "re");
    const struct group *gr;

    while (f != NULL && (gr = fgetgrent(f)) != NULL) {
        struct location at = line_of(lines, GROUP, gr->gr_name);

        if (strcmp(gr->gr_name, NHI_AGENTS_GROUP) == 0 || is_agent(d, gr->gr_name))
            finding_add(&d->found, FINDING_ERROR, "group-taken", at,
                        out_say("a group of this host has the name of a group of agents: programs find that group "
                                "instead"),
                        out_say("run: groupmod -n OTHER %s", gr->gr_name));
        else if (in_range(d, gr->gr_gid))
            finding_add(&d->found, FINDING_ERROR, "gid-taken", at,
                        out_say("group %s has gid %u, in the agents' range: an agent may be given that gid",
                                gr->gr_name, gr->gr_gid),
                        out_say("run: groupmod -g N %s, with N outside %u to %u", gr->gr_name, d->s.set.uid_min,
                                d->s.set.uid_max));
    }
    if (f != NULL)
        fclose(f);
}

/* NAME:FIRST:COUNT */
static void look_at_subids(struct doctor *d, const char *path)
{
    struct file_text f;
    unsigned long first, count;

    if (file_text_read(path, false, &f) == NHI_OK)
        for (size_t i = 0; i < f.count; i++) {
            const char *numbers = strchr(f.line[i].text, ':');

            if (numbers != NULL && sscanf(numbers, ":%10lu:%10lu", &first, &count) == 2 && count > 0 &&
                first <= d->s.set.uid_max && first + count > d->s.set.uid_min)
                finding_add(&d->found, FINDING_WARNING, "subid-overlaps", location_of_line(path, &f.line[i]),
                            out_say("the user in this line can run containers under agents' uids"),
                            out_say("give it ids outside %u to %u", d->s.set.uid_min, d->s.set.uid_max));
        }
    file_text_free(&f);
}

/* KEY NUMBER; fallback: used if the line does not exist. */
static unsigned long login_defs(const struct file_text *f, const char *key, unsigned long fallback,
                                const struct file_line **line)
{
    for (size_t i = 0; i < f->count; i++) {
        char *text = out_must(strdup(f->line[i].text)), *at = file_bare(text), *word = file_word(&at), *value;
        bool is = word != NULL && strcmp(word, key) == 0;

        value = is ? file_word(&at) : NULL;
        if (value != NULL) {
            fallback = strtoul(value, NULL, 0);
            *line = &f->line[i];
        }
        free(text);
    }
    return fallback;
}

static void look_at_login_defs(struct doctor *d)
{
    static const char *const keys[][2] = { { "UID_MIN", "UID_MAX" }, { "GID_MIN", "GID_MAX" } };
    struct file_text f;
    enum nhi_err err = file_text_read(LOGIN_DEFS, false, &f);

    for (size_t i = 0; err == NHI_OK && i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct file_line *line = NULL;
        unsigned long min = login_defs(&f, keys[i][0], 1000, &line), max = login_defs(&f, keys[i][1], 60000, &line);

        if (min <= d->s.set.uid_max && max >= d->s.set.uid_min)
            finding_add(&d->found, FINDING_WARNING, "login-defs-overlaps", location_of_line(LOGIN_DEFS, line),
                        out_say("useradd and groupadd may give people ids in the agents' range"),
                        out_say("write instead: %s %u", keys[i][1], d->s.set.uid_min - 1));
    }
    file_text_free(&f);
}

/* ---- agents ---- */

static void look_at_resolving(struct doctor *d, const struct nhi_agent *a)
{
    const struct passwd *pw = getpwnam(a->account.name);

    if (pw == NULL && !findings_have(&d->found, "nss-") && !findings_have(&d->found, "snapshot-") &&
        !findings_have(&d->found, "perm-"))
        finding_add(&d->found, FINDING_ERROR, "agent-unresolved", location_of_file(NHI_SNAPSHOT_PATH),
                    out_say("programs do not find agent %s, although it is published", a->account.name),
                    out_say("run: getent -s nhi passwd %s", a->account.name));
}

struct naming {
    struct doctor *d;
    struct file_text *users; /* lines of /etc/passwd: an agent that has one there has a finding already */
};

static int look_at_namesake(const struct nhi_agent *a, uint32_t uid, void *ctx)
{
    const struct naming *n = ctx;

    if (line_of(n->users, PASSWD, a->account.name).line == 0)
        finding_add(&n->d->found, FINDING_ERROR, "agent-is-another", location_of_file(NHI_NSSWITCH),
                    namesake_text(a, uid),
                    out_say("give the other account another name, or put nhi before its source"));
    return 0;
}

static void look_at_home(struct doctor *d, const struct nhi_account *a)
{
    struct stat st;

    if (lstat(a->home, &st) == 0 &&
        (!S_ISDIR(st.st_mode) || st.st_uid != a->uid || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0))
        finding_add(
            &d->found, FINDING_ERROR, "agent-home", location_of_file(a->home),
            out_say("the home directory of agent %s does not belong to it: others can change what it runs", a->name),
            out_say("run: chown -h %u:%u %s && chmod go-w %s", a->uid, a->uid, a->home, a->home));
    if (access(a->shell, X_OK) != 0)
        finding_add(&d->found, FINDING_ERROR, "agent-shell", location_of_file(a->shell),
                    out_say("the shell of agent %s does not exist: sshd and su refuse it", a->name),
                    out_say("install it, or register an agent with another --shell"));
}

/* Groups in this host's files that give their members root. */
static void look_at_privilege(struct doctor *d, const char *name, const char *id, const char *what)
{
    struct nhi_host_account account;

    if (account_by_name(d->c, name, &account) == NHI_OK && account.privileged)
        finding_add(
            &d->found, FINDING_ERROR, id, location_of_file(GROUP),
            out_say("%s %s is in %s, which leads to root: every ticket for it is refused", what, name, account.because),
            out_say("run: gpasswd -d %s %s", name, account.because));
}

static void look_at_linger(struct doctor *d, const char *name)
{
    char *path = out_say(LINGER_DIR "/%s", name);

    if (access(path, F_OK) == 0)
        finding_add(&d->found, FINDING_WARNING, "agent-lingers", location_of_file(path),
                    out_say("systemd runs units of agent %s without a ticket, even after a reboot", name),
                    out_say("run: loginctl disable-linger %s", name));
    free(path);
}

static int look_at_agent(const struct nhi_agent *a, void *ctx)
{
    struct doctor *d = ctx;

    progress_step(0);
    if (a->state == NHI_AGENT_RETIRED)
        return 0;
    look_at_resolving(d, a);
    look_at_home(d, &a->account);
    look_at_privilege(d, a->account.name, "agent-privileged", "agent");
    look_at_linger(d, a->account.name);
    return 0;
}

/* ---- accounts that accept tickets only ---- */

/* login and other programs that ask PAM without nhi still accept a password. */
static void look_at_password(struct doctor *d, const char *name)
{
    const struct spwd *sp = getspnam(name);

    if (sp != NULL && sp->sp_pwdp[0] != '!' && sp->sp_pwdp[0] != '*')
        finding_add(&d->found, FINDING_WARNING, "only-password", location_of_file("/etc/shadow"),
                    out_say("account %s takes tickets only, but its password still works on the console and in "
                            "programs without tickets",
                            name),
                    out_say("run: usermod -p '*' %s", name));
}

static void look_at_only(struct doctor *d)
{
    char *names = out_must(strdup(d->only)), *at = names, *name;

    while ((name = file_word(&at)) != NULL) {
        look_at_privilege(d, name, "only-privileged", "account");
        look_at_password(d, name);
    }
    free(names);
}

/* ---- processes without a session ---- */

static void look_at_leftovers(struct doctor *d)
{
    struct leftover_list l = { .count = 0 };

    if (leftover_list(&l) != NHI_OK)
        finding_add(&d->found, FINDING_WARNING, "leftovers-unknown", location_of_file("/proc"),
                    out_say("could not look for processes without a session"), out_say("run: nhictl doctor"));
    for (size_t i = 0; i < l.count; i++) {
        const struct leftover_row *r = &l.all[i];
        char *place = out_say("/proc/%ld", (long)r->pid);

        finding_add(
            &d->found, r->own ? FINDING_WARNING : FINDING_NOTE, "leftovers", location_of_file(place),
            out_say("%zu process%s of %s run%s without a session, the first is %s, which %s: nothing ends %s", r->count,
                    r->count == 1 ? "" : "es", r->account, r->count == 1 ? "s" : "", r->command, r->why,
                    r->count == 1 ? "it" : "them"),
            out_say("run: ps -o pid,lstart,args -U %s; nhictl help session end says how to end what nobody needs",
                    r->account));
        free(place);
    }
    leftover_list_free(&l);
}

/* The first installed program that runs containers, whose processes have uids of the host. NULL: none was found. */
static const char *container_runtime(void)
{
    static const char *const all[] = { "/usr/bin/dockerd",
                                       "/usr/sbin/dockerd",
                                       "/usr/bin/podman",
                                       "/usr/bin/containerd",
                                       "/usr/bin/lxc-start",
                                       "/usr/bin/nerdctl",
                                       NULL };

    for (size_t i = 0; all[i] != NULL; i++)
        if (access(all[i], X_OK) == 0)
            return strrchr(all[i], '/') + 1;
    return NULL;
}

static void look_at_containers(struct doctor *d)
{
    const char *runtime = container_runtime();
    char *place = runtime != NULL ? out_say("/usr/bin/%s", runtime) : NULL;

    if (place != NULL)
        finding_add(
            &d->found, FINDING_NOTE, "containers", location_of_file(place),
            out_say("a container without a user namespace shares the uids of this host: its processes under an agent's "
                    "uid belong to the container, and are not ended"),
            out_say("run containers with user namespaces (userns-remap, --userns=auto), or keep the agents' range "
                    "out of their images"));
    free(place);
}

/* ---- crontabs of the system ---- */

/* cron ignores a whole file if it cannot resolve one of its users. */
static void look_at_crontab(struct doctor *d, const char *path)
{
    struct file_text f;

    if (file_text_read(path, false, &f) != NHI_OK) {
        file_text_free(&f);
        return;
    }
    for (size_t i = 0; i < f.count; i++) {
        char *text = out_must(strdup(f.line[i].text)), *at = text, *word = file_word(&at), *user = NULL;
        bool is_job = word != NULL && (*word == '@' || *word == '*' || isdigit((unsigned char)*word) != 0) &&
                      strchr(word, '=') == NULL;

        for (int n = is_job && *word == '@' ? 1 : 5; is_job && n > 0; n--)
            user = file_word(&at);
        if (user != NULL && nhi_name_is_account(user) && getpwnam(user) == NULL)
            finding_add(&d->found, FINDING_WARNING, "cron-user-unknown", location_of_line(path, &f.line[i]),
                        out_say("there is no account %s: cron ignores all of this file", user),
                        out_say("correct or remove this line"));
        free(text);
    }
    file_text_free(&f);
}

static void look_at_crontabs(struct doctor *d)
{
    const struct dirent *e;
    DIR *dir = opendir("/etc/cron.d");

    look_at_crontab(d, "/etc/crontab");
    while (dir != NULL && (e = readdir(dir)) != NULL) {
        char *path = out_say("/etc/cron.d/%s", e->d_name);

        if (file_is_of_cron(e->d_name))
            look_at_crontab(d, path);
        free(path);
    }
    if (dir != NULL)
        closedir(dir);
}

void doctor_accounts(struct doctor *d)
{
    struct file_text users, groups;

    if (!findings_have(&d->found, "nss-"))
        look_at_crontabs(d);
    look_at_only(d);
    look_at_leftovers(d);
    look_at_containers(d);
    if (d->s.l == NULL)
        return;
    (void)!file_text_read(PASSWD, false, &users);
    (void)!file_text_read(GROUP, false, &groups);
    look_at_users(d, &users);
    look_at_groups(d, &groups);
    look_at_subids(d, "/etc/subuid");
    look_at_subids(d, "/etc/subgid");
    look_at_login_defs(d);
    progress_begin(d->c, "looking at agents");
    (void)!nhi_agent_each(d->s.l, look_at_agent, d);
    progress_end();
    namesakes_each(d->s.l, look_at_namesake, &(struct naming){ d, &users });
    file_text_free(&users);
    file_text_free(&groups);
}
