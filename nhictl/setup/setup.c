/* SPDX-License-Identifier: ISC */
/*
 * setup: adds nhi's lines to the files of this host's programs, and removes them again.
 *
 * All changes are planned, then tried, then shown, and only then written. Afterwards the programs are asked again, and
 * everything is undone if one of them refuses its configuration.
 */
#include "nhictl/setup/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcfg/program.h"
#include "libnhi/base/paths.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/hold.h"
#include "nhictl/setup/setup_file.h"
#include "nhictl/setup/setup_host.h"
#include "nhictl/setup/setup_plan.h"
#include "nhictl/setup/setup_try.h"
#include "nhictl/setup/setup_write.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

struct setup_args {
    bool undo, dry_run;
};

/* ---- which services ---- */

static bool has_word(char **words, int count, const char *word)
{
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

static const struct wiring_service *find_service(const char *name)
{
    for (const struct wiring_service *w = wiring_services; w->name != NULL; w++)
        if (strcmp(w->name, name) == 0)
            return w;
    return NULL;
}

static int check_words(struct ctl *c, bool undo)
{
    if (c->operand_count == 0 && !undo)
        return ctl_fail(c, CTL_USAGE, "nhictl setup nss sshd sudo su cron",
                        "no program given: nss, sshd, sudo, su, cron, or several of these");
    for (int i = 0; i < c->operand_count; i++)
        if (find_service(c->command[i]) == NULL)
            return ctl_fail(c, CTL_USAGE, "nhictl setup nss sshd sudo su cron",
                            "unknown program '%s': expected nss, sshd, sudo, su or cron", c->command[i]);
    return CTL_DONE;
}

/* Whether one is selected. Undoing without a name undoes all. */
static bool is_meant(const struct setup *s, const char *name)
{
    return s->c->operand_count == 0 || has_word(s->c->command, s->c->operand_count, name);
}

/* Whether one is selected, and some of its text changes. */
static bool is_touched(const struct setup *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->file[i].service->name, name) == 0 && setup_changes(&s->file[i]))
            return true;
    return false;
}

/* ---- planning and trying ---- */

static int plan(struct setup *s)
{
    int code = CTL_DONE;

    for (const struct wiring_service *w = wiring_services; code == CTL_DONE && w->name != NULL; w++)
        if (is_meant(s, w->name))
            code = setup_plan(s, w);
    return code;
}

static int try_all(struct setup *s)
{
    int code = CTL_DONE;

    for (const struct wiring_service *w = wiring_services; code == CTL_DONE && w->name != NULL; w++)
        if (is_touched(s, w->name))
            code = setup_try_pam(s, w);
    if (code == CTL_DONE && is_touched(s, "sshd"))
        code = setup_try_sshd(s);
    if (code == CTL_DONE && is_touched(s, "sudo"))
        code = setup_try_sudo(s);
    if (code == CTL_DONE && is_touched(s, "nss"))
        code = setup_try_nss(s);
    return code;
}

/* ---- writing ---- */

/* The programs' own answers about the files now in force. What they refused before is not our doing. */
static int check_after(struct setup *s)
{
    char *sshd = NULL, *sudo = NULL;
    int code = CTL_DONE, len;
    const char *why;

    if (is_touched(s, "sshd") && !setup_sshd_accepts(&sshd)) {
        why = program_refusal(sshd, &len);
        code = ctl_fail(s->c, CTL_REFUSED, NULL, "sshd -t: %.*s: all changes were undone", len, why);
    }
    if (code == CTL_DONE && is_touched(s, "sudo") && !setup_sudo_accepts(&sudo)) {
        why = program_refusal(sudo, &len);
        code = ctl_fail(s->c, CTL_REFUSED, NULL, "visudo -c: %.*s: all changes were undone", len, why);
    }
    free(sshd);
    free(sudo);
    return code;
}

/* In the order of the plan, or in reverse when it is undone: a file that depends on another goes first. */
static struct setup_file *nth(struct setup *s, size_t i)
{
    return &s->file[s->undo ? s->count - 1 - i : i];
}

static int write_all(struct setup *s)
{
    bool accepted = true;
    char *sshd = NULL, *sudo = NULL;
    size_t done = 0;
    int code = CTL_DONE;

    if (s->undo)
        accepted = setup_sshd_accepts(&sshd) && setup_sudo_accepts(&sudo);
    for (; code == CTL_DONE && done < s->count; done += code == CTL_DONE)
        code = setup_write(s, nth(s, done));
    if (code == CTL_DONE && accepted)
        code = check_after(s);
    while (code != CTL_DONE && done > 0)
        if (setup_restore(s, nth(s, --done)) != CTL_DONE)
            break;
    for (size_t i = 0; code == CTL_DONE && s->undo && i < s->count; i++)
        setup_settle(&s->file[i]);
    free(sshd);
    free(sudo);
    return code;
}

/* ---- showing ---- */

static const char *change_of(const struct setup_file *f)
{
    if (!setup_changes(f))
        return "unchanged";
    if (f->text[SETUP_NOW] == NULL)
        return "created";
    return f->text[SETUP_THEN] == NULL ? "removed" : "changed";
}

static void show_diffs(struct setup *s)
{
    for (size_t i = 0; i < s->count; i++) {
        char *diff = setup_changes(&s->file[i]) ? setup_diff(s, &s->file[i]) : NULL;
        char *rest = diff, *line;

        /* A tab would be shown as a control character. */
        for (char *at = diff; at != NULL && *at != '\0'; at++)
            if (*at == '\t')
                *at = ' ';
        while ((line = strsep(&rest, "\n")) != NULL)
            if (*line != '\0')
                out_line(s->c->out, "%s", line);
        free(diff);
    }
}

static void show_file(struct setup *s, struct setup_file *f)
{
    struct out_row *r = out_row_new(s->c->out);
    char backup[128], *diff = setup_changes(f) ? setup_diff(s, f) : NULL;

    setup_backup_path(f, backup);
    out_text(r, "service", "service", f->service->name);
    out_text(r, "file", "file", f->path);
    out_state(r, "change", "change", change_of(f));
    out_text(r, "backup", NULL, setup_keeps_backup(s, f) ? backup : NULL);
    out_text(r, "diff", NULL, diff);
    out_table_row(s->c->out, r);
    free(diff);
}

/* What people still have to do, and to know. */
static void show_words(struct setup *s)
{
    char backup[128];
    bool any = false;

    out_strings(s->c->out, "notes", NULL);
    for (size_t i = 0; i < s->count; i++) {
        any = any || setup_changes(&s->file[i]);
        setup_backup_path(&s->file[i], backup);
        if (setup_is_edited(s, &s->file[i]))
            out_string(s->c->out, "%s was edited since setup: only nhi's lines are removed; the original is %s",
                       s->file[i].path, backup);
        if (strcmp(s->file[i].path, WIRING_SSHD_FILE) == 0 && s->file[i].text[SETUP_THEN] != NULL &&
            strstr(s->file[i].text[SETUP_THEN], "\n    " WIRING_SSHD_PROMPT) != NULL)
            out_string(s->c->out,
                       "sshd does not accept passwords from everybody, so only agents and nhi-only accounts are asked "
                       "for a ticket: an account shared with people needs its own Match User");
    }
    if (s->dry_run)
        out_string(s->c->out, "--dry-run: nothing was changed");
    else if (!any)
        out_string(s->c->out, "nothing to change");
    else if (is_touched(s, "sshd"))
        out_string(s->c->out, "next: systemctl reload ssh, and keep a root shell open until a login has worked");
    if (!s->dry_run && is_touched(s, "nss") && access("/run/nscd/socket", F_OK) == 0)
        out_string(s->c->out, "next: nscd -i passwd; nscd -i group");
}

/* Before anything is written: running out of memory here has changed nothing. */
static void prepare_answer(struct setup *s)
{
    struct out_row *r = out_row_new(s->c->out);

    show_diffs(s);
    out_flag(r, "undo", NULL, s->undo);
    out_flag(r, "dry_run", NULL, s->dry_run);
    out_record(s->c->out, NULL, r);
    out_table(s->c->out, "files", "no file of this host has lines of nhi");
    for (size_t i = 0; i < s->count; i++)
        if (setup_is_ours(&s->file[i]))
            show_file(s, &s->file[i]);
    show_words(s);
}

/* For the trail, if there is one yet. */
static void note_event(struct setup *s)
{
    struct out_row *detail;
    char touched[64] = "";

    for (const struct wiring_service *w = wiring_services; w->name != NULL; w++)
        if (is_touched(s, w->name))
            snprintf(touched + strlen(touched), sizeof(touched) - strlen(touched), "%s%s",
                     touched[0] != '\0' ? " " : "", w->name);
    if (touched[0] == '\0' || access(NHI_STATE_DIR "/" NHI_LEDGER_FILE, F_OK) != 0)
        return;
    detail = out_row_new(s->c->out);
    out_text(detail, "programs", NULL, touched);
    store_note(s->c, (struct store_event){ .kind = s->undo ? "setup-undo" : "setup" }, detail);
}

static int setup(struct ctl *c)
{
    const struct setup_args *args = c->args;
    struct setup s = { .c = c, .undo = args->undo, .dry_run = args->dry_run, .lock = -1 };
    struct hold held = { .on = false };
    int code = check_words(c, args->undo);

    if (code != CTL_DONE)
        return code;
    code = store_need_root(c);
    if (code != CTL_DONE)
        return code;
    /* Ctrl-C leaves all of it done or nothing. */
    hold_begin(&held);
    code = setup_begin(&s);
    if (code == CTL_DONE)
        code = plan(&s);
    if (code == CTL_DONE)
        code = try_all(&s);
    if (code == CTL_DONE)
        prepare_answer(&s);
    if (code == CTL_DONE && !s.dry_run)
        code = write_all(&s);
    if (code == CTL_DONE && !s.dry_run)
        note_event(&s);
    if (code == CTL_DONE)
        code = ctl_answer(c);
    setup_end(&s);
    hold_end(&held);
    return code;
}

static const struct opt setup_opts[] = {
    { "undo", OPT_FLAG, offsetof(struct setup_args, undo), false, NULL,
      "remove nhi's lines again; without a name, all of them", NULL, 0 },
    { "dry-run", OPT_FLAG, offsetof(struct setup_args, dry_run), false, NULL,
      "try and show the changes, but change nothing", NULL, 0 },
    { .name = NULL },
};

const struct verb setup_verbs[] = {
    { NULL, "setup", setup, setup_opts, sizeof(struct setup_args), 0, MANY_OPERANDS, "PROGRAM ... [--undo] [--dry-run]",
      "Put nhi's lines into the files of this host.",
      "PROGRAM is nss, sshd, sudo, su or cron, or several of these. Tries all changes on copies first,\n"
      "and refuses those that would lock out root or a person. Keeps the original files\n"
      "in " SETUP_BACKUPS ". To remove everything: --undo.",
      "nhictl setup nss" },
    { .verb = NULL },
};
