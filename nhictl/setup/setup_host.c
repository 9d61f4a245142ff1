/* SPDX-License-Identifier: ISC */
/*
 * setup: asking sshd and sudo themselves about copies of their files.
 */
#include "nhictl/setup/setup_host.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostcfg/host_text.h"
#include "hostcfg/program.h"
#include "hostcfg/sshd_conf.h"
#include "hostcfg/sudoers.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"
#include "nhictl/setup/setup_file.h"
#include "nhictl/setup/setup_try.h"

#define PRIVSEP "/run/sshd" /* sshd demands it whenever it reads its files; it is made when sshd starts */

static const char *const view_names[SETUP_VIEWS] = { "now", "clean", "then" };

/* ---- copies ---- */

/* A configuration with a directory of drop-ins, changed so that it names the copy of that directory. */
static int copy_one(struct setup *s, const char *path, const char *dir, enum setup_view view)
{
    static const char *const before[] = { " ", "\t", "\"", "=" };
    char name[512], to[128], *text = setup_read(s, path, view), *moved;
    int code;

    if (text == NULL)
        return CTL_DONE;
    snprintf(to, sizeof(to), SETUP_SCRATCH "/%s%s", view_names[view], dir);
    moved = setup_text_replace(text, dir, to);
    for (size_t i = 0; strcmp(path, WIRING_SSHD_CONFIG) == 0 && i < sizeof(before) / sizeof(before[0]); i++) {
        char *relative = moved, from[32], named[160];

        snprintf(from, sizeof(from), "%ssshd_config.d/", before[i]);
        snprintf(named, sizeof(named), "%s%s/", before[i], to);
        moved = setup_text_replace(relative, from, named);
        free(relative);
    }
    snprintf(name, sizeof(name), "%s%s", view_names[view], path);
    code = setup_scratch(s, name, moved);
    free(moved);
    free(text);
    return code;
}

static int copy_all(struct setup *s, const char *config, const char *dir, const char *ours, enum setup_view view)
{
    char pattern[64];
    glob_t found = { .gl_pathc = 0 };
    int code = copy_one(s, config, dir, view);

    snprintf(pattern, sizeof(pattern), "%s/*", dir);
    (void)glob(pattern, 0, NULL, &found);
    for (size_t i = 0; code == CTL_DONE && i < found.gl_pathc; i++)
        if (strcmp(found.gl_pathv[i], ours) != 0)
            code = copy_one(s, found.gl_pathv[i], dir, view);
    globfree(&found);
    return code == CTL_DONE ? copy_one(s, ours, dir, view) : code;
}

/* ---- sshd ---- */

/* Runs sshd over the copy of a view, with -T for that user. */
static bool ask_sshd(const char *what, enum setup_view view, const char *user, char **said)
{
    char file[128], whom[96];
    const char *argv[7] = { WIRING_SSHD_PROGRAM, what, "-f", file };

    snprintf(file, sizeof(file), SETUP_SCRATCH "/%s" WIRING_SSHD_CONFIG, view_names[view]);
    if (user != NULL) {
        snprintf(whom, sizeof(whom), "user=%s,host=localhost,addr=127.0.0.1", user);
        argv[4] = "-C";
        argv[5] = whom;
    }
    if (mkdir(PRIVSEP, 0755) != 0 && errno != EEXIST)
        return false;
    return program_run(argv, said) == 0;
}

static bool is_set(const char *said, const char *keyword, const char *to)
{
    char *value = sshd_said(said, keyword);
    bool is = value != NULL && strcmp(value, to) == 0;

    free(value);
    return is;
}

/* Whether the program that sshd asks for keys is ours. */
static bool is_helper(const char *command)
{
    return command != NULL && strncmp(command, WIRING_SSHD_HELPER, strlen(WIRING_SSHD_HELPER)) == 0;
}

static int said_no(struct setup *s, const char *program, const char *said, const char *when)
{
    int len;

    said = program_refusal(said, &len);
    return ctl_fail(s->c, CTL_REFUSED, NULL, "%s refuses the configuration %s: %.*s; nothing was changed", program,
                    when, len, said);
}

/* Whether passwords are refused in any Match, for some users or from some places. sshd -T finds a refusal for all. */
static bool refuses_passwords(struct setup *s)
{
    glob_t found = { .gl_pathc = 0 };
    bool refuses = false;

    (void)glob(WIRING_SSHD_DIR "/*.conf", 0, NULL, &found);
    for (size_t i = 0; !refuses && i <= found.gl_pathc; i++) {
        char *text = setup_read(s, i < found.gl_pathc ? found.gl_pathv[i] : WIRING_SSHD_CONFIG, SETUP_CLEAN);

        refuses = text != NULL && setup_text_sshd_refuses_passwords(text);
        free(text);
    }
    globfree(&found);
    return refuses;
}

int setup_sshd_facts(struct setup *s, struct setup_sshd *facts)
{
    int code = copy_all(s, WIRING_SSHD_CONFIG, WIRING_SSHD_DIR, WIRING_SSHD_FILE, SETUP_CLEAN);
    char *said = NULL, *command = NULL;

    if (code != CTL_DONE)
        return code;
    if (!ask_sshd("-T", SETUP_CLEAN, NULL, &said)) {
        code = said_no(s, "sshd -t", said != NULL ? said : PRIVSEP, "as it is without nhi");
    } else {
        command = sshd_said(said, "authorizedkeyscommand");
        facts->others_keys = command != NULL && strcmp(command, "none") != 0 && !is_helper(command);
        if (facts->others_keys && !s->undo)
            ctl_note("sshd keeps asking another program for people's keys (AuthorizedKeysCommand %s): tickets that are "
                     "bound to a key open accounts of agents and nhi-only, but none that are shared with people",
                     command);
        /* PAM accepts a password from everybody whom it asks: nobody whose passwords are refused now may get another
         * prompt. */
        facts->asks_people = is_set(said, "kbdinteractiveauthentication", "yes") ||
                             (is_set(said, "passwordauthentication", "yes") && !refuses_passwords(s));
        facts->says_connection = program_sshd_is(WIRING_SSHD_CONNECTION_SINCE);
        s->sshd_without_pam = is_set(said, "usepam", "no") && access(WIRING_SSHD_FILE, F_OK) != 0;
    }
    free(command);
    free(said);
    return code;
}

/* The output without the settings of our lines. */
static char *others(const char *said)
{
    static const char *const ours[] = { "usepam ", "kbdinteractiveauthentication ", "authorizedkeyscommand ",
                                        "authorizedkeyscommanduser ", "include " };
    char *text = NULL;
    size_t len = 0;
    FILE *f = out_must(open_memstream(&text, &len));

    while (*said != '\0') {
        size_t line = strcspn(said, "\n");
        bool is_ours = false;

        line += said[line] == '\n';
        for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
            is_ours = is_ours || strncmp(said, ours[i], strlen(ours[i])) == 0;
        if (!is_ours)
            fwrite(said, 1, line, f);
        said += line;
    }
    if (fclose(f) != 0)
        out_must(NULL);
    return out_must(text);
}

/* Except for our own settings, the output of sshd for a user must not change. */
static int try_sshd_for(const char *name, unsigned uid, void *ctx)
{
    char *said[2] = { NULL, NULL }, *rest[2] = { NULL, NULL };
    struct setup *s = ctx;
    int code = CTL_DONE;

    (void)uid;
    if (ask_sshd("-T", SETUP_NOW, name, &said[0]) && ask_sshd("-T", SETUP_THEN, name, &said[1])) {
        rest[0] = others(said[0]);
        rest[1] = others(said[1]);
        if (strcmp(rest[0], rest[1]) != 0)
            code = ctl_fail(s->c, CTL_REFUSED, "check whether that account is in a group of agents",
                            "sshd would treat %s differently than now; nothing was changed", name);
    }
    for (size_t i = 0; i < 2; i++) {
        free(said[i]);
        free(rest[i]);
    }
    return code;
}

/* Whether our lines are in force: sshd uses the first value that it finds. */
static int check_effect(struct setup *s, const char *said)
{
    char *then = setup_read(s, WIRING_SSHD_FILE, SETUP_THEN), *command = sshd_said(said, "authorizedkeyscommand");
    bool everybody = then != NULL && strstr(then, "\n" WIRING_SSHD_PROMPT "\n") != NULL;
    bool keys = then != NULL && strstr(then, "\n" WIRING_SSHD_COMMAND) != NULL;
    const char *keyword = NULL;

    if (!is_set(said, "usepam", "yes"))
        keyword = "UsePAM";
    else if (everybody && !is_set(said, "kbdinteractiveauthentication", "yes"))
        keyword = "KbdInteractiveAuthentication";
    else if (keys && !is_helper(command))
        keyword = "AuthorizedKeysCommand";
    free(command);
    free(then);
    return keyword == NULL ? CTL_DONE
                           : ctl_fail(s->c, CTL_REFUSED, "change it there: the first setting counts",
                                      "%s is set before " WIRING_SSHD_FILE " sets it; nothing was changed", keyword);
}

int setup_try_sshd(struct setup *s)
{
    char *now = NULL, *then = NULL;
    int code = copy_all(s, WIRING_SSHD_CONFIG, WIRING_SSHD_DIR, WIRING_SSHD_FILE, SETUP_NOW);

    if (code == CTL_DONE)
        code = copy_all(s, WIRING_SSHD_CONFIG, WIRING_SSHD_DIR, WIRING_SSHD_FILE, SETUP_THEN);
    if (code == CTL_DONE && access(WIRING_SSHD_PROGRAM, X_OK) == 0 && !ask_sshd("-t", SETUP_THEN, NULL, &then)) {
        /* A configuration that is broken already is not broken by removing our lines. */
        if (!s->undo || ask_sshd("-t", SETUP_NOW, NULL, &now))
            code = said_no(s, "sshd -t", then != NULL ? then : PRIVSEP, "with the changes");
    } else if (code == CTL_DONE && access(WIRING_SSHD_PROGRAM, X_OK) == 0) {
        free(then);
        then = NULL;
        if (!s->undo && ask_sshd("-T", SETUP_THEN, NULL, &then))
            code = check_effect(s, then);
        if (code == CTL_DONE)
            code = setup_people(try_sshd_for, s);
    }
    free(now);
    free(then);
    return code;
}

bool setup_sshd_accepts(char **text)
{
    const char *const argv[] = { WIRING_SSHD_PROGRAM, "-t", NULL };

    *text = NULL;
    return access(WIRING_SSHD_PROGRAM, X_OK) != 0 || program_run(argv, text) == 0;
}

/* ---- sudo ---- */

static bool ask_visudo(enum setup_view view, char **said)
{
    char file[128];

    snprintf(file, sizeof(file), SETUP_SCRATCH "/%s" WIRING_SUDOERS, view_names[view]);
    return sudoers_check(file, said) == 0;
}

int setup_sudo_reads(struct setup *s, bool *reads)
{
    char *good = NULL, *bad = NULL;
    int code = copy_all(s, WIRING_SUDOERS, WIRING_SUDOERS_DIR, WIRING_SUDO_FILE, SETUP_THEN);
    bool accepted = code == CTL_DONE && ask_visudo(SETUP_THEN, &good);

    /* Not every visudo names the files that it reads, and not every one accepts this file. */
    if (code == CTL_DONE)
        code = setup_scratch(s, "then" WIRING_SUDO_FILE, "no line of sudoers\n");
    *reads = code == CTL_DONE && accepted && !ask_visudo(SETUP_THEN, &bad);
    free(good);
    free(bad);
    return code;
}

int setup_try_sudo(struct setup *s)
{
    char *now = NULL, *then = NULL;
    int code = copy_all(s, WIRING_SUDOERS, WIRING_SUDOERS_DIR, WIRING_SUDO_FILE, SETUP_NOW);

    if (code == CTL_DONE)
        code = copy_all(s, WIRING_SUDOERS, WIRING_SUDOERS_DIR, WIRING_SUDO_FILE, SETUP_THEN);
    if (code == CTL_DONE && access(WIRING_VISUDO_PROGRAM, X_OK) == 0 && !ask_visudo(SETUP_THEN, &then) &&
        (!s->undo || ask_visudo(SETUP_NOW, &now)))
        code = said_no(s, "visudo -c", then, "with the changes");
    free(now);
    free(then);
    return code;
}

bool setup_sudo_accepts(char **text)
{
    const char *const argv[] = { WIRING_VISUDO_PROGRAM, "-c", NULL };

    *text = NULL;
    return access(WIRING_VISUDO_PROGRAM, X_OK) != 0 || program_run(argv, text) == 0;
}
