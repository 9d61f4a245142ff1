/*
 * doctor: what is wrong with this host, and the line that would make it right.
 */
#include "nhictl/doctor/doctor.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/cgroup.h"
#include "libnhi/paths.h"
#include "nhictl/ctl.h"

/* ---- findings ---- */

static const char *level_name(enum doctor_level level)
{
    switch (level) {
    case DOCTOR_NOTE:
        return "note";
    case DOCTOR_WARNING:
        return "warning";
    case DOCTOR_ERROR:
        return "error";
    }
    return "unknown";
}

static bool is_same(const struct doctor_finding *f, const char *id, const struct doctor_place *at)
{
    return strcmp(f->id, id) == 0 && strcmp(f->file, at->file) == 0 && f->line == at->line;
}

void doctor_find(struct doctor *d, enum doctor_level level, const char *id, struct doctor_place at, char *why,
                 char *fix)
{
    struct doctor_finding *f;

    for (size_t i = 0; i < d->count; i++)
        if (is_same(&d->all[i], id, &at)) {
            free(why);
            free(fix);
            return;
        }
    if (d->count == d->room) {
        d->room = d->room * 2 + 16;
        d->all = out_must(reallocarray(d->all, d->room, sizeof(*d->all)));
    }
    f = &d->all[d->count++];
    *f = (struct doctor_finding){ .level = level, .id = id, .line = at.line, .why = why, .fix = fix };
    f->file = out_must(strdup(at.file));
    f->text = at.text != NULL ? out_must(strdup(at.text)) : NULL;
}

bool doctor_has(const struct doctor *d, const char *prefix)
{
    for (size_t i = 0; i < d->count; i++)
        if (strncmp(d->all[i].id, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

struct doctor_place doctor_file(const char *file)
{
    return (struct doctor_place){ .file = file };
}

struct doctor_place doctor_line(const char *file, const struct file_line *line)
{
    if (line == NULL)
        return doctor_file(file);
    return (struct doctor_place){ .file = file, .line = line->number, .text = line->text };
}

bool doctor_is_guarded(struct doctor *d, const char *id, const char *file, const char *what)
{
    if (file_guarded(file) != NHI_ERR_UNSAFE)
        return true;
    doctor_find(d, DOCTOR_ERROR, id, doctor_file(file),
                out_say("others than root can write %s, or put another in its place", what),
                out_say("run: chown root:root %s && chmod go-w %s (and the same for the directories above it)",
                        file, file));
    return false;
}

static void findings_free(struct doctor *d)
{
    for (size_t i = 0; i < d->count; i++) {
        free(d->all[i].file);
        free(d->all[i].text);
        free(d->all[i].why);
        free(d->all[i].fix);
    }
    free(d->all);
    free(d->only);
}

static int by_gravity(const void *a, const void *b)
{
    const struct doctor_finding *x = a, *y = b;
    int order = (int)y->level - (int)x->level;

    if (order == 0)
        order = strcmp(x->file, y->file);
    if (order == 0)
        order = (x->line > y->line) - (x->line < y->line);
    return order != 0 ? order : strcmp(x->id, y->id);
}

/* ---- who there is to look at ---- */

/* Where programs do not see agents' groups, sshd does not either, and it is not sshd that is wrong. */
static bool is_in_group(const struct doctor *d, const struct passwd *pw)
{
    gid_t groups[NHI_GROUPS_MAX + 32];
    int n = (int)(sizeof(groups) / sizeof(groups[0]));

    if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
        return false;
    for (int i = 0; i < n; i++)
        if (groups[i] == d->s.set.uid_min)
            return true;
    return false;
}

static int first_agent(const struct nhi_agent *a, void *ctx)
{
    struct doctor *d = ctx;
    const struct passwd *pw;

    if (a->state != NHI_AGENT_ACTIVE)
        return 0;
    pw = getpwnam(a->account.name);
    if (pw == NULL || pw->pw_uid != a->account.uid || !is_in_group(d, pw))
        return 0;
    memcpy(d->agent, a->account.name, sizeof(d->agent));
    return 1;
}

/* As pam_nhi finds them: in the local file. */
static void read_only(struct doctor *d)
{
    FILE *f = fopen("/etc/group", "re");
    const struct group *gr = NULL;

    d->only = out_say("%s", "");
    while (f != NULL && (gr = fgetgrent(f)) != NULL && strcmp(gr->gr_name, "nhi-only") != 0)
        ;
    for (char **m = gr != NULL ? gr->gr_mem : NULL; m != NULL && *m != NULL; m++) {
        char *more = nhi_name_is_account(*m) ? out_say("%s%s%s", d->only, d->only[0] != '\0' ? " " : "", *m) : NULL;

        if (more == NULL)
            continue;
        free(d->only);
        d->only = more;
    }
    if (f != NULL)
        fclose(f);
}

/* The verbs that read the ledger bring it up to date first, which is writing. */
static void open_ledger(struct doctor *d)
{
    enum nhi_err err;

    nhi_mark_see(NHI_STATE_DIR, NHI_RUN_DIR, &d->s.seen);
    err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &d->s.l);
    if (err == NHI_OK)
        err = nhi_ledger_begin(d->s.l, d->c->now);
    if (err == NHI_OK)
        err = nhi_ledger_settings(d->s.l, &d->s.set);
    if (err == NHI_OK)
        (void)!nhi_agent_each(d->s.l, first_agent, d);
    d->ledger = err;
    if (err != NHI_OK) {
        nhi_ledger_close(d->s.l);
        d->s.l = NULL;
    }
}

/* ---- the answer ---- */

static const char *container(void)
{
    if (access("/run/systemd/container", F_OK) == 0 || access("/.dockerenv", F_OK) == 0 ||
        access("/run/.containerenv", F_OK) == 0)
        return "yes";
    return "no";
}

static void show_json(struct ctl *c, const struct doctor *d)
{
    struct out_row *host = out_row_new(c->out);

    out_flag(host, "systemd", NULL, nhi_cgroup_is_systemds());
    out_flag(host, "container", NULL, strcmp(container(), "yes") == 0);
    out_record(c->out, "host", host);
    out_table(c->out, "findings", NULL);
    for (size_t i = 0; i < d->count; i++) {
        const struct doctor_finding *f = &d->all[i];
        struct out_row *row = out_row_new(c->out);

        out_text(row, "level", NULL, level_name(f->level));
        out_text(row, "finding", NULL, f->id);
        out_text(row, "file", NULL, f->file);
        out_number(row, "line", NULL, f->line);
        out_text(row, "text", NULL, f->text);
        out_text(row, "why", NULL, f->why);
        out_text(row, "fix", NULL, f->fix);
        out_table_row(c->out, row);
    }
}

static void show_text(struct ctl *c, const struct doctor *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct doctor_finding *f = &d->all[i];
        char line[16] = "";

        if (f->line > 0)
            snprintf(line, sizeof(line), ":%d", f->line);
        out_line(c->out, "%-7s  %s%s: %s", level_name(f->level), f->file, line, f->id);
        if (f->text != NULL)
            out_line(c->out, "         | %s", f->text);
        out_line(c->out, "         %s", f->why);
        out_line(c->out, "         %s", f->fix);
    }
    if (d->count == 0)
        out_line(c->out, "nothing is wrong with this host");
}

static int answer(struct ctl *c, struct doctor *d)
{
    bool ill;
    int code;

    if (d->count > 0)
        qsort(d->all, d->count, sizeof(*d->all), by_gravity);
    ill = d->count > 0 && d->all[0].level > DOCTOR_NOTE;
    if (c->json)
        show_json(c, d);
    else
        show_text(c, d);
    if (ill)
        out_negative(c->out, "there are findings", NULL);
    code = ctl_answer(c);
    return code == CTL_DONE && ill ? CTL_REFUSED : code;
}

static int doctor(struct ctl *c)
{
    struct doctor d = { .c = c };
    int code;

    if (geteuid() != 0)
        return ctl_fail(c, CTL_REFUSED, "sudo nhictl doctor", "only root can read what doctor looks at");
    open_ledger(&d);
    read_only(&d);
    doctor_pam(&d);
    doctor_sshd(&d);
    doctor_sudo(&d);
    doctor_others(&d);
    doctor_host(&d);
    doctor_files(&d);
    doctor_store(&d);
    doctor_keys(&d);
    doctor_accounts(&d);
    doctor_elsewhere(&d);
    doctor_policy(&d);
    code = answer(c, &d);
    findings_free(&d);
    store_close(&d.s);
    return code;
}

const struct verb doctor_verbs[] = {
    { NULL, "doctor", doctor, NULL, 0, 0, 0, "",
      "Say what is wrong with this host, and how to make it right.",
      "Reads how PAM, sshd, sudo, su, cron, NSS and nhi itself are set up, and changes nothing. Each\n"
      "finding has its place, why it matters and the exact line or command. Ends with 1 when there is\n"
      "more than notes.",
      "nhictl doctor" },
    { .verb = NULL },
};
