/* SPDX-License-Identifier: ISC */
/*
 * setup: the new text of each file.
 */
#include "nhictl/setup/setup_plan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostcfg/host_text.h"
#include "hostcfg/pam_text.h"
#include "hostcfg/program.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"
#include "nhictl/setup/setup_file.h"
#include "nhictl/setup/setup_host.h"
#include "nhictl/setup/setup_write.h"

static int no_end(struct setup *s, const struct setup_file *f)
{
    return ctl_fail(s->c, CTL_REFUSED, "complete the marks by hand around nhi's lines",
                    "%s: the mark '# nhi: begin' has no '# nhi: end' below it: nothing was changed", f->path);
}

/* A file with our marks: its text without us, and then with these lines at its top. NULL: without. */
static int plan_marked(struct setup *s, struct setup_file *f, const char *lines)
{
    const char *was = f->text[SETUP_NOW];
    bool same, ours;

    f->text[SETUP_CLEAN] = was != NULL ? setup_text_strip(was) : NULL;
    if (was != NULL && f->text[SETUP_CLEAN] == NULL)
        return no_end(s, f);
    /* A file that is empty without us did not exist before us, unless an empty one did. */
    ours = was != NULL && *was != '\0' && *f->text[SETUP_CLEAN] == '\0';
    if (ours && !setup_has_backup(f, &same)) {
        free(f->text[SETUP_CLEAN]);
        f->text[SETUP_CLEAN] = NULL;
    }
    was = f->text[SETUP_CLEAN];
    if (!s->undo && lines != NULL)
        f->text[SETUP_THEN] = setup_text_above(lines, was != NULL ? was : "");
    else
        f->text[SETUP_THEN] = was != NULL ? out_must(strdup(was)) : NULL;
    return CTL_DONE;
}

/* ---- /etc/pam.d ---- */

static int not_installed(struct setup *s, const struct wiring_service *w, const char *file)
{
    char hint[64];

    snprintf(hint, sizeof(hint), "apt-get install %s", w->package);
    return ctl_fail(s->c, CTL_REFUSED, hint, "%s is not installed here: there is no %s; nothing was changed", w->name,
                    file);
}

void setup_agents_range(unsigned *min, unsigned *max)
{
    struct nhi_snapshot snapshot;

    *min = WIRING_UID_MIN;
    *max = WIRING_UID_MAX;
    if (nhi_snapshot_open_published(&snapshot) != NHI_OK)
        return;
    *min = snapshot.uid_min;
    *max = snapshot.uid_max;
    nhi_snapshot_close(&snapshot);
}

/* pam_nhi knows agents by their uid when no file of nhictl shows the range. */
static void range_options(char options[64])
{
    unsigned min, max;

    options[0] = '\0';
    setup_agents_range(&min, &max);
    if (min != WIRING_UID_MIN || max != WIRING_UID_MAX)
        snprintf(options, 64, " uid_min=%u uid_max=%u", min, max);
}

static int plan_stack(struct setup *s, const struct wiring_service *w, struct setup_file *f)
{
    const char *was = f->text[SETUP_NOW], *missing = NULL;
    char options[64];

    f->text[SETUP_CLEAN] = setup_text_strip(was);
    if (f->text[SETUP_CLEAN] == NULL)
        return no_end(s, f);
    if (setup_text_has_module(f->text[SETUP_CLEAN])) {
        ctl_note("%s: " WIRING_PAM_MODULE " is there outside nhi's marks, and stays as it is", f->path);
        free(f->text[SETUP_CLEAN]);
        f->text[SETUP_CLEAN] = out_must(strdup(was));
    } else if (!s->undo) {
        range_options(options);
        f->text[SETUP_THEN] = setup_text_pam(f->text[SETUP_CLEAN], was, options, w->pam, &missing);
        if (f->text[SETUP_THEN] != NULL)
            return CTL_DONE;
        return ctl_fail(s->c, CTL_REFUSED, "add such lines first, or nhi's by hand: pam_nhi(8)",
                        "%s has no %s lines to put nhi's before: nothing was changed", f->path, missing);
    }
    f->text[SETUP_THEN] = out_must(strdup(f->text[SETUP_CLEAN]));
    return CTL_DONE;
}

static int plan_pam(struct setup *s, const struct wiring_service *w)
{
    struct setup_file *f;
    int code = CTL_DONE;

    for (size_t i = 0; code == CTL_DONE && i < sizeof(w->pam) / sizeof(w->pam[0]) && w->pam[i] != NULL; i++) {
        char path[64];

        snprintf(path, sizeof(path), WIRING_PAM_DIR "/%s", w->pam[i]);
        code = setup_add(s, w, path, 0644, &f);
        if (code != CTL_DONE)
            break;
        if (f->text[SETUP_NOW] != NULL)
            code = plan_stack(s, w, f);
        else if (i == 0 && !s->undo)
            code = not_installed(s, w, path);
    }
    return code;
}

/* ---- sshd ---- */

/* A directory of drop-ins that must exist. mode: as the packages make it. */
static int need_directory(struct setup *s, const char *dir, const char *mode)
{
    char hint[64];

    if (s->undo || access(dir, F_OK) == 0)
        return CTL_DONE;
    snprintf(hint, sizeof(hint), "mkdir -m %s %s", mode, dir);
    return ctl_fail(s->c, CTL_REFUSED, hint, "there is no directory %s: nothing was changed", dir);
}

/* Under the Match if another program knows people's keys: sshd asks only one program. */
static void keys_lines(FILE *f, const struct setup_sshd *facts, const char *indent)
{
    fprintf(f, "%s%s%s\n%s%s\n", indent, WIRING_SSHD_COMMAND, facts->says_connection ? WIRING_SSHD_CONNECTION : "",
            indent, WIRING_SSHD_COMMAND_USER);
}

static char *sshd_lines(const struct setup_sshd *facts)
{
    const char *everybody = facts->asks_people ? WIRING_SSHD_PROMPT "\n" : "";
    char *lines = NULL;
    size_t len = 0;
    FILE *f = out_must(open_memstream(&lines, &len));

    fprintf(f, "# Tickets are replies to the keyboard-interactive prompt, which PAM asks.\n%s\n%s\n", WIRING_SSHD_PAM,
            everybody);
    if (!facts->others_keys) {
        fputs("# Keys that a live ticket is bound to. People's own authorized_keys are read as ever.\n", f);
        keys_lines(f, facts, "");
        fputc('\n', f);
    }
    fputs("# An agent, or an account that takes tickets only, has tickets and nothing else.\n" WIRING_SSHD_MATCH "\n",
          f);
    for (size_t i = 0; wiring_sshd_agents[i] != NULL; i++)
        fprintf(f, "    %s\n", wiring_sshd_agents[i]);
    if (facts->others_keys) {
        fputs("    # Another program knows people's keys here: sshd asks it as ever.\n", f);
        keys_lines(f, facts, "    ");
    }
    if (!facts->asks_people)
        fputs("    # Not all people may give a password here: nobody else is asked.\n    " WIRING_SSHD_PROMPT "\n", f);
    fputs("# What follows is about everybody again.\n" WIRING_SSHD_MATCH_END "\n", f);
    if (fclose(f) != 0)
        out_must(NULL);
    return out_must(lines);
}

static int plan_sshd(struct setup *s, const struct wiring_service *w)
{
    struct setup_sshd facts = { .others_keys = false };
    struct setup_file *dropin, *config;
    char *lines = NULL;
    const char *text;
    int code;

    if (access(WIRING_SSHD_PROGRAM, X_OK) != 0 && !s->undo)
        return not_installed(s, w, WIRING_SSHD_PROGRAM);
    code = need_directory(s, WIRING_SSHD_DIR, "755");
    if (code == CTL_DONE)
        code = setup_add(s, w, WIRING_SSHD_FILE, 0644, &dropin);
    if (code == CTL_DONE)
        code = setup_add(s, w, WIRING_SSHD_CONFIG, 0644, &config);
    /* Without us first: our lines depend on it. */
    if (code == CTL_DONE)
        code = plan_marked(s, config, NULL);
    if (code == CTL_DONE)
        code = plan_marked(s, dropin, NULL);
    if (code != CTL_DONE || s->undo)
        return code;
    text = config->text[SETUP_CLEAN];
    if (text == NULL)
        return ctl_fail(s->c, CTL_REFUSED, NULL, "there is no " WIRING_SSHD_CONFIG ": nothing was changed");
    code = setup_sshd_facts(s, &facts);
    if (code != CTL_DONE)
        return code;
    lines = sshd_lines(&facts);
    free(dropin->text[SETUP_THEN]);
    dropin->text[SETUP_THEN] =
        setup_text_above(lines, dropin->text[SETUP_CLEAN] != NULL ? dropin->text[SETUP_CLEAN] : "");
    free(lines);
    if (!setup_text_sshd_includes(text)) {
        free(config->text[SETUP_THEN]);
        config->text[SETUP_THEN] = setup_text_above(WIRING_SSHD_INCLUDE "\n", text);
    }
    return CTL_DONE;
}

/* ---- sudo, nss ---- */

#define SUDO_LINES \
    "# sudo -n calls PAM, where the agent's ticket is the answer, and it does so at every call. An\n" \
    "# account that agents share with others needs the same line: Defaults:NAME noninteractive_auth, ...\n" WIRING_SUDO_LINE \
    "\n"
#define SUDO_RS_LINES \
    "# sudo-rs calls PAM under -n by itself; here it does so at every call.\n" WIRING_SUDO_RS_LINE "\n"

static int plan_sudo(struct setup *s, const struct wiring_service *w)
{
    struct setup_file *dropin, *config;
    bool reads = true;
    int code;

    if (access(WIRING_VISUDO_PROGRAM, X_OK) != 0 && !s->undo)
        return not_installed(s, w, WIRING_VISUDO_PROGRAM);
    code = need_directory(s, WIRING_SUDOERS_DIR, "750");
    if (code == CTL_DONE)
        code = setup_add(s, w, WIRING_SUDO_FILE, 0440, &dropin);
    if (code == CTL_DONE)
        code = setup_add(s, w, WIRING_SUDOERS, 0440, &config);
    if (code == CTL_DONE)
        code = plan_marked(s, dropin, program_is_old_sudo_rs(WIRING_SUDO_PROGRAM) ? SUDO_RS_LINES : SUDO_LINES);
    if (code == CTL_DONE)
        code = plan_marked(s, config, NULL);
    if (code == CTL_DONE && !s->undo)
        code = setup_sudo_reads(s, &reads);
    if (code == CTL_DONE && !reads) {
        free(config->text[SETUP_THEN]);
        config->text[SETUP_THEN] = setup_text_above(WIRING_SUDO_INCLUDE "\n",
                                                    config->text[SETUP_CLEAN] != NULL ? config->text[SETUP_CLEAN] : "");
    }
    return code;
}

static int plan_nss(struct setup *s, const struct wiring_service *w)
{
    const char *was, *missing = NULL;
    struct setup_file *f;
    int code = setup_add(s, w, WIRING_NSSWITCH, 0644, &f);

    if (code != CTL_DONE)
        return code;
    was = f->text[SETUP_NOW];
    if (was == NULL)
        return s->undo ? CTL_DONE
                       : ctl_fail(s->c, CTL_REFUSED, NULL, "there is no " WIRING_NSSWITCH ": nothing was changed");
    f->text[SETUP_CLEAN] = setup_text_nss_strip(was);
    f->text[SETUP_THEN] = s->undo ? out_must(strdup(f->text[SETUP_CLEAN])) : setup_text_nss(was, &missing);
    if (f->text[SETUP_THEN] == NULL)
        return ctl_fail(s->c, CTL_REFUSED, "a line such as  group: files",
                        WIRING_NSSWITCH " has no line for %s: nothing was changed", missing);
    return CTL_DONE;
}

/* PAM's files come first: the settings of sshd and sudo must not be in force without them. */
int setup_plan(struct setup *s, const struct wiring_service *w)
{
    int code = plan_pam(s, w);

    if (code == CTL_DONE && strcmp(w->name, "sshd") == 0)
        code = plan_sshd(s, w);
    if (code == CTL_DONE && strcmp(w->name, "sudo") == 0)
        code = plan_sudo(s, w);
    if (code == CTL_DONE && strcmp(w->name, "nss") == 0)
        code = plan_nss(s, w);
    return code;
}
