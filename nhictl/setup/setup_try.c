/* SPDX-License-Identifier: ISC */
/*
 * setup: whether people can log in with the changed files as they do now.
 *
 * A separate program plays the stacks, in a directory of their own, since they load other people's modules into the
 * process. There, modules that would ask for a password, count failures or start a session are replaced by success.
 */
#include "nhictl/setup/setup_try.h"

#include <dlfcn.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostcfg/host_text.h"
#include "hostcfg/pam_text.h"
#include "hostcfg/program.h"
#include "libnhi/base/names.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/setup/setup_file.h"
#include "nhictl/setup/setup_plan.h"

#define PAM_DIST_DIR "/usr/lib/pam.d"
#define ALONE "nhi-trial" /* a stack with our lines alone */
#define PHASES 3
#define DAEMON "-" /* no user calls it */
#define PEOPLE_MAX 20
#define UID_PEOPLE_MIN 1000
#define NOT_PLAYED (-1)

static const char trial[] = LIBEXECDIR "/nhi-pam-trial";

/* ---- people ---- */

struct person {
    char name[NHI_ACCOUNT_MAX + 1];
    uid_t uid;
};

/* These accounts have tickets and nothing else: whether they can log in without one is not tried. */
static bool takes_tickets_only(const struct passwd *pw)
{
    FILE *f = fopen("/etc/group", "re");
    const struct group *gr;
    bool only = false;

    while (f != NULL && !only && (gr = fgetgrent(f)) != NULL) {
        if (strcmp(gr->gr_name, "nhi-only") != 0)
            continue;
        only = pw->pw_gid == gr->gr_gid;
        for (char **m = gr->gr_mem; !only && *m != NULL; m++)
            only = strcmp(*m, pw->pw_name) == 0;
    }
    if (f != NULL)
        fclose(f);
    return only;
}

static bool logs_in(const struct passwd *pw)
{
    const char *shell = strrchr(pw->pw_shell, '/');

    if (pw->pw_uid != 0 && pw->pw_uid < UID_PEOPLE_MIN)
        return false;
    if (shell != NULL && (strcmp(shell, "/nologin") == 0 || strcmp(shell, "/false") == 0))
        return false;
    return nhi_name_is_account(pw->pw_name) && !takes_tickets_only(pw);
}

static bool has_agents_number(unsigned uid)
{
    unsigned min, max;

    setup_agents_range(&min, &max);
    return uid >= min && uid <= max;
}

/* Adds to count others as many as there is room for. */
static size_t find_people(struct person people[PEOPLE_MAX], size_t count, bool agents_number)
{
    FILE *f = fopen("/etc/passwd", "re");
    const struct passwd *pw;

    while (f != NULL && count < PEOPLE_MAX && (pw = fgetpwent(f)) != NULL)
        if (logs_in(pw) && has_agents_number(pw->pw_uid) == agents_number) {
            people[count] = (struct person){ .uid = pw->pw_uid };
            snprintf(people[count++].name, sizeof(people[0].name), "%s", pw->pw_name);
        }
    if (f != NULL)
        fclose(f);
    return count;
}

int setup_people(int (*one)(const char *name, unsigned uid, void *ctx), void *ctx)
{
    struct person people[PEOPLE_MAX];
    size_t count;
    int code = CTL_DONE;

    /* The accounts that pam_nhi takes for agents come first, however many others exist. */
    count = find_people(people, 0, true);
    count = find_people(people, count, false);
    for (size_t i = 0; code == CTL_DONE && i < count; i++)
        code = one(people[i].name, people[i].uid, ctx);
    return code;
}

/* ---- stacks ---- */

struct stack {
    struct setup *s;
    enum setup_view view;
    int code;
};

static const char *stack_dir(enum setup_view view)
{
    return view == SETUP_NOW ? SETUP_SCRATCH "/pam-now" : SETUP_SCRATCH "/pam-then";
}

/* An included file from another directory is replaced by the file with the same name here. */
static void copy_stack(const char *name, void *ctx)
{
    const char *places[] = { name[0] == '/' ? "" : WIRING_PAM_DIR "/", name[0] == '/' ? "" : PAM_DIST_DIR "/" };
    const char *base = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
    struct stack *k = ctx;
    char path[320], *text = NULL, *tame;

    snprintf(path, sizeof(path), "%s/%s", stack_dir(k->view), base);
    if (k->code != CTL_DONE || access(path, F_OK) == 0)
        return;
    for (size_t i = 0; i < 2 && text == NULL; i++) {
        snprintf(path, sizeof(path), "%s%s", places[i], name);
        text = setup_read(k->s, path, k->view);
    }
    if (text == NULL)
        return;
    tame = setup_text_pam_tame(text, stack_dir(k->view));
    snprintf(path, sizeof(path), "%s/%s", stack_dir(k->view) + strlen(SETUP_SCRATCH "/"), base);
    k->code = setup_scratch(k->s, path, tame);
    setup_text_pam_includes(text, copy_stack, k);
    free(tame);
    free(text);
}

static int copy_stacks(struct setup *s, const struct wiring_service *w, enum setup_view view)
{
    struct stack k = { s, view, CTL_DONE };

    for (size_t i = 0; i < sizeof(w->pam) / sizeof(w->pam[0]) && w->pam[i] != NULL; i++)
        copy_stack(w->pam[i], &k);
    copy_stack("other", &k);
    return k.code;
}

static int put_alone(struct setup *s)
{
    char text[512] = "", *at = text;

    for (size_t p = 0; p < WIRING_PHASES; p++)
        at += snprintf(at, sizeof(text) - (size_t)(at - text), "%s\n%s required pam_permit.so\n", wiring_pam[p].line,
                       wiring_pam[p].type);
    return setup_scratch(s, "pam-then/" ALONE, text);
}

/* ---- trials ---- */

struct played {
    int code[PHASES];
    char words[PHASES][96];
};

static const char *const phase_names[PHASES] = { "auth", "account", "session" };

struct trial {
    struct setup *s;
    const struct wiring_service *w;
    const char *service; /* a service that reads the file */
};

static int play(const struct trial *t, enum setup_view view, const char *caller, const char *user, struct played *p)
{
    const char *tty = strcmp(t->service, "sshd") == 0 ? "ssh" : "cron";
    const char *const argv[] = { trial, stack_dir(view), t->service, caller, user, tty, NULL };
    char *said = NULL;
    int status;

    *p = (struct played){ .code = { NOT_PLAYED, NOT_PLAYED, NOT_PLAYED } };
    status = program_run(argv, &said);
    for (const char *line = said; *line != '\0'; line += strcspn(line, "\n") + 1) {
        for (size_t i = 0; i < PHASES; i++) {
            size_t len = strlen(phase_names[i]);

            if (strncmp(line, phase_names[i], len) == 0 && line[len] == ' ')
                (void)sscanf(line + len, " %d %95[^\n]", &p->code[i], p->words[i]);
        }
        if (line[strcspn(line, "\n")] == '\0')
            break;
    }
    free(said);
    /* The program that plays them may have been removed with the module, and undoing must not wait for it. */
    return status != -1 || t->s->undo
               ? CTL_DONE
               : ctl_fail(t->s->c, CTL_REFUSED, "make install", "%s is not there; nothing was changed", trial);
}

static int compare(const struct trial *t, const char *name, const char *caller, const char *user)
{
    struct played now, then;
    int code = play(t, SETUP_NOW, caller, user, &now);

    if (code == CTL_DONE)
        code = play(t, SETUP_THEN, caller, user, &then);
    for (size_t i = 0; code == CTL_DONE && i < PHASES; i++)
        if ((now.code[i] == 0 || (t->s->sshd_without_pam && strcmp(t->service, "sshd") == 0)) && then.code[i] != 0)
            code = ctl_fail(t->s->c, CTL_REFUSED, NULL,
                            "%s would no longer get through %s with the changed file: %s: %s; nothing was changed",
                            name, t->service, phase_names[i],
                            then.code[i] == NOT_PLAYED ? "a module ended the process" : then.words[i]);
    return code;
}

/* Our lines alone, followed by success for everybody: what they do to people, whatever else is in the stack. */
static int try_alone(const struct trial *t, const char *name)
{
    const struct trial alone = { t->s, t->w, ALONE };
    struct played then;
    int code = play(&alone, SETUP_THEN, DAEMON, name, &then);

    for (size_t i = 0; code == CTL_DONE && i < PHASES; i++)
        if (then.code[i] != 0)
            code = ctl_fail(t->s->c, CTL_REFUSED,
                            "check that " WIRING_PAM_MODULE " is where libpam looks for it: make install",
                            WIRING_PAM_MODULE " does not let %s through: %s: %s; nothing was changed", name,
                            phase_names[i], then.code[i] == NOT_PLAYED ? "it ended the process" : then.words[i]);
    return code;
}

static int try_person(const char *name, unsigned uid, void *ctx)
{
    const struct trial *t = ctx;
    bool su = strcmp(t->w->name, "su") == 0, sudo = strcmp(t->w->name, "sudo") == 0;
    char caller[16];
    int code = CTL_DONE;

    snprintf(caller, sizeof(caller), "%u", uid);
    /* sudo's subject is its caller; su asks its caller for the other account's password. */
    if (su && uid != 0)
        code = compare(t, name, caller, "root");
    return code == CTL_DONE ? compare(t, name, sudo ? caller : su ? "0" : DAEMON, name) : code;
}

static int try_person_alone(const char *name, unsigned uid, void *ctx)
{
    const struct trial *t = ctx;
    char hint[128];

    if (!has_agents_number(uid))
        return try_alone(t, name);
    snprintf(hint, sizeof(hint), "usermod -u N %.*s; if there is no ledger yet: nhictl init --uid-min N --uid-max N",
             NHI_ACCOUNT_MAX, name);
    return ctl_fail(t->s->c, CTL_REFUSED, hint,
                    "account %s has uid %u, in the agent range: it would take tickets only; nothing was changed", name,
                    uid);
}

int setup_try_pam(struct setup *s, const struct wiring_service *w)
{
    struct trial t = { .s = s, .w = w };
    int code = CTL_DONE;

    if (w->pam[0] == NULL)
        return CTL_DONE;
    code = copy_stacks(s, w, SETUP_NOW);
    if (code == CTL_DONE)
        code = copy_stacks(s, w, SETUP_THEN);
    if (code == CTL_DONE && !s->undo)
        code = put_alone(s);
    if (code == CTL_DONE && !s->undo)
        code = setup_people(try_person_alone, &t);
    for (size_t i = 0; code == CTL_DONE && i < sizeof(w->pam) / sizeof(w->pam[0]) && w->pam[i] != NULL; i++) {
        char path[64];

        snprintf(path, sizeof(path), WIRING_PAM_DIR "/%s", w->pam[i]);
        t.service = w->pam[i];
        if (access(path, F_OK) == 0)
            code = setup_people(try_person, &t);
    }
    return code;
}

/* ---- nss ---- */

/* A person's own group may not exist, whatever nsswitch.conf names. */
static bool is_group_here(gid_t gid)
{
    FILE *f = fopen("/etc/group", "re");
    const struct group *gr;
    bool here = false;

    while (f != NULL && !here && (gr = fgetgrent(f)) != NULL)
        here = gr->gr_gid == gid;
    if (f != NULL)
        fclose(f);
    return here;
}

static int look_up(const char *name, unsigned uid, void *ctx)
{
    const struct passwd *pw = getpwnam(name);

    (void)ctx;
    if (pw == NULL || pw->pw_uid != uid)
        return CTL_REFUSED;
    return !is_group_here(pw->pw_gid) || getgrgid(pw->pw_gid) != NULL ? CTL_DONE : CTL_REFUSED;
}

/* In a separate process, in which libc uses the text of the line. */
static bool resolves(const char *text, bool ours)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (ours && dlopen("libnss_nhi.so.2", RTLD_NOW) == NULL)
            _exit(CTL_USAGE);
        for (size_t i = 0; wiring_nss_databases[i] != NULL; i++) {
            const char *line = setup_text_nss_line(text, wiring_nss_databases[i]);

            if (line == NULL || __nss_configure_lookup(wiring_nss_databases[i], line) != 0)
                _exit(CTL_SYSTEM);
        }
        _exit(setup_people(look_up, NULL));
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int setup_try_nss(struct setup *s)
{
    char *now = setup_read(s, WIRING_NSSWITCH, SETUP_NOW), *then = setup_read(s, WIRING_NSSWITCH, SETUP_THEN);
    int code = CTL_DONE;

    if (then != NULL && !resolves(then, !s->undo) && (!s->undo || resolves(now, false)))
        code = ctl_fail(s->c, CTL_REFUSED, "check that libnss_nhi.so.2 is where libc looks for it: make install",
                        "root and people would not be found with the changed " WIRING_NSSWITCH "; nothing was changed");
    free(now);
    free(then);
    return code;
}
